from __future__ import annotations

import pytest

from ragkit.answer.history import search_query, standalone_by_rule, transcript
from ragkit.tokens import count_tokens
from ragkit.types import Message

LONG = "Which solvent, pump, filter, valve, gauge, hose, clamp, gasket and seal does the plant need?"


@pytest.mark.parametrize(
    ("question", "previous", "expected"),
    [
        ("And for headphones?", "How can I return a laptop?", "return laptop And for headphones?"),
        ("How much does it cost?", "What is the Team plan?", "team plan How much does it cost?"),
        ("Who approves that?", "How do I request remote work?", "request remote work Who approves that?"),
        ("What is the warranty of the pump?", "How do I request remote work?", "What is the warranty of the pump?"),
        ("Why?", None, "Why?"),
    ],
)
def test_a_follow_up_borrows_the_words_it_lacks(question: str, previous: str | None, expected: str) -> None:
    assert standalone_by_rule(question, previous) == expected


@pytest.mark.parametrize(
    ("question", "previous", "expected"),
    [
        ("What is Watson?", "What is Twilio used for?", "twilio used What is Watson?"),
        ("Why?", None, "Why?"),
        (LONG, "What is Twilio used for?", LONG),
    ],
)
def test_a_search_borrows_unless_the_question_is_long(question: str, previous: str | None, expected: str) -> None:
    assert search_query(question, previous) == expected


def test_a_transcript_shows_the_end_of_the_conversation_within_its_budget() -> None:
    said = [Message(role="user" if n % 2 == 0 else "assistant", text=f"{n} one.\nTwo. {'x ' * 200}") for n in range(20)]
    text = transcript(said, budget=200, count=count_tokens)
    assert count_tokens(text) <= 200
    assert text.splitlines()[-1] == "Assistant: 19 one. …"
    assert text.splitlines()[0].startswith(("User: ", "Assistant: "))
    assert transcript(said[:1], budget=10_000, count=count_tokens) == f"User: {' '.join(said[0].text.split())}"


def test_one_long_sentence_is_cut() -> None:
    text = transcript([Message(role="user", text="word " * 1000)], budget=100, count=count_tokens)
    assert text.startswith("User: word word")
    assert count_tokens(text) <= 100


def test_a_long_message_of_short_sentences_is_not_counted_beginning_by_beginning() -> None:
    counted: list[int] = []

    def count(text: str) -> int:
        counted.append(len(text))
        return len(text.split())

    said = "Ab. " * 2000
    assert transcript([Message(role="user", text=said)], budget=100, count=count).endswith("Ab. …")
    assert sum(counted) < 20 * len(said)
