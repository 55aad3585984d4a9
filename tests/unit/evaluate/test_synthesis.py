"""Questions made of passages: without their rarest words, and never a copy."""

from __future__ import annotations

import pytest

from ragkit.errors import InputError
from ragkit.evaluate.synthesis import MOST, sections, synthesised
from ragkit.types import Hit


def hit(text: str, *, uri: str = "s/a.md", heading: str = "", title: str = "", also_in: tuple[str, ...] = ()) -> Hit:
    return Hit(
        rank=0,
        score=0.0,
        via=(),
        document_id="d",
        uri=uri,
        title=title,
        page=None,
        heading=heading,
        chunk_id=uri,
        start=0,
        end=len(text),
        text=text,
        also_in=also_in,
    )


def test_a_sentence_loses_its_rarest_words() -> None:
    dataset = synthesised([hit("The zeppelin lands beside the old harbour of Konstanz at noon.")], name="c")
    ((key, query),) = dataset.queries.items()
    assert query == "the lands beside the old harbour of at noon"
    assert dataset.qrels == {key: {key: 1}}


def test_headings_and_sentences_take_turns_and_a_section_is_asked_for_once() -> None:
    text = "Whoever leaves last turns off the light in the kitchen."
    heading = "House > Who turns off the kitchen light"
    passages = [hit(text, uri=f"s/{n}.md", heading=heading, title="Rules of the house") for n in (1, 1, 2, 3)]
    dataset = synthesised(passages, name="c")
    first, second, third = dataset.queries.values()
    assert first == third != second
    assert list(dataset.queries) == [f"s/{n}.md#{heading}" for n in (1, 2, 3)]


def test_what_says_too_little_or_is_no_prose_is_not_asked_for() -> None:
    passages = [hit("Yes."), hit("| a | b |\n| --- | --- |\n| 1 | 2 |"), hit("")]
    with pytest.raises(InputError, match="No question can be made"):
        synthesised(passages, name="c")


def test_there_are_no_more_than_enough() -> None:
    passages = (hit(f"Door {n} is opened with the blue key of office {n}.", uri=f"s/{n}.md") for n in range(3 * MOST))
    assert len(synthesised(passages, name="c").queries) == MOST


def test_a_passage_is_found_in_every_document_that_holds_it() -> None:
    hits = [hit("x", uri="s/a.md", heading="H", also_in=("s/b.md",)), hit("y", uri="s/a.md", heading="H")]
    assert sections(hits) == ["s/a.md#H", "s/b.md#H"]
