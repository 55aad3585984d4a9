"""What an answer must hold, and what is said of a file that does not say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import InputError
from ragkit.evaluate.golden import MODE, GoldenQuestion, fingerprint, missed, read_golden, score
from ragkit.types import Answer, Citation, PromptRef, Usage


def answer(*cited: tuple[str, str]) -> Answer:
    """With (uri, quote) pairs; without any it is a refusal."""
    citations = tuple(
        Citation(
            marker=1, document_id=uri, uri=uri, title="", page=None, heading="", chunk_id="", start=0, end=1,
            quote=quote, verdict="supported", score=1.0, supported=True,
        )
        for uri, quote in cited
    )  # fmt: skip
    return Answer(
        answer="", citations=citations, abstained=not cited, reason=None, prompt=PromptRef(name="answer", version=1),
        model="m", usage=Usage(), trace_id="t", conversation_id="c", took_ms=1.0,
    )  # fmt: skip


QUESTIONS = [
    GoldenQuestion(question="leave?", must_cite=("hr/book.md",), must_say=("27 days", "paid")),
    GoldenQuestion(question="second?", must_cite=("a.md",), must_say=()),
    GoldenQuestion(question="refused?", must_cite=("a.md",), must_say=("x",)),
    GoldenQuestion(question="moon?", must_refuse=True),
    GoldenQuestion(question="sun?", must_refuse=True),
]
ANSWERS = [
    answer(("s/hr/book.md", "There are 27\nDays a year."), ("s/x.md", "Paid.")),
    answer(("s/other-a.md", "no"), ("a.md", "yes")),
    answer(),
    answer(),
    answer(("s/x.md", "The sun.")),
]


def test_sources_facts_and_refusals_are_told_apart() -> None:
    values = score(QUESTIONS, ANSWERS).values[MODE]
    assert values["source_in_3"] == (1.0, 1.0, 0.0, None, None)
    assert values["source_first"] == (1.0, 0.0, 0.0, None, None)
    assert values["facts"] == (1.0, 1.0, 0.0, None, None)
    assert values["citation_precision"] == (0.5, 0.5, None, None, None)
    assert values["citation_recall"] == (0.5, 1.0, 0.0, None, None)
    assert values["refused_wrongly"] == (0.0, 0.0, 1.0, None, None)
    assert values["refused_rightly"] == (None, None, None, 1.0, 0.0)


def test_the_questions_behind_each_lack_are_named() -> None:
    assert missed(score(QUESTIONS, ANSWERS)) == {
        "source_in_3": ["refused?"],
        "source_first": ["second?", "refused?"],
        "facts": ["refused?"],
        "citation_precision": [],
        "citation_recall": ["refused?"],
        "refused_wrongly": ["refused?"],
        "refused_rightly": ["sun?"],
    }


def test_the_hash_follows_what_is_right() -> None:
    other = [GoldenQuestion(question="leave?", must_cite=("hr/book.md",), must_say=("25 days",)), *QUESTIONS[1:]]
    assert fingerprint(other) != fingerprint(QUESTIONS)
    assert fingerprint(QUESTIONS[::-1]) == fingerprint(QUESTIONS)


def test_a_source_is_told_by_whole_parts_of_its_uri() -> None:
    question = GoldenQuestion(question="?", must_cite=("policy.md",))
    assert question.is_source("policy.md")
    assert question.is_source("hr/policy.md")
    assert not question.is_source("hr/old-policy.md")


def test_a_question_is_known_by_what_it_asks_not_by_its_line() -> None:
    there, back = score(QUESTIONS, ANSWERS), score(QUESTIONS[::-1], ANSWERS[::-1])
    assert there.ids == back.ids[::-1]
    assert len(set(there.ids)) == len(QUESTIONS)


def test_a_line_that_is_no_golden_question_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text('{"question": "a?"}\n{"question": "b?", "must_cite": "x"}\n')
    with pytest.raises(InputError, match=r"Line 2 .*must_cite"):
        read_golden(file)
    file.write_text("\n")
    with pytest.raises(InputError, match="no question"):
        read_golden(file)
