from __future__ import annotations

import pytest

from ragkit.answer.history import MAX_CHARS, MAX_MESSAGES, standalone_by_rule, transcript
from ragkit.types import Message


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


def test_a_transcript_shows_the_end_of_the_conversation() -> None:
    said = [Message(role="user" if n % 2 == 0 else "assistant", text=f"{n}\n{'x' * 1000}") for n in range(20)]
    lines = transcript(said).splitlines()
    assert len(lines) == MAX_MESSAGES
    assert lines[-1].startswith("Assistant: 19 xxx")
    assert max(map(len, lines)) < MAX_CHARS + 20
