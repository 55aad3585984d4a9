"""What every chunker does, whatever the document and the tokenizer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.ingest.chunking import StructureChunker
from ragkit.parsed import Heading, Page, Parsed
from ragkit.protocols import Chunker, Tokenizer
from ragkit.testing.embed import WordTokenizer


class CharacterTokenizer:
    """A token a character, white space too: the finest that a tokenizer can be."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [(index, index + 1) for index in range(len(text))]


TOKENIZERS: list[Tokenizer] = [WordTokenizer(), CharacterTokenizer()]
SIZES = [(32, 0), (40, 10), (220, 0), (64, 32)]

words = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
sentence = st.lists(words, min_size=1, max_size=25).map(lambda parts: " ".join(parts) + ".")
paragraph = st.lists(sentence, min_size=1, max_size=6).map(" ".join)
items = st.lists(sentence, min_size=1, max_size=8).map(lambda rows: "\n".join(f"- {row}" for row in rows))
table = st.lists(st.lists(words, min_size=2, max_size=4), min_size=1, max_size=12).map(
    lambda rows: "\n".join("| " + " | ".join(row) + " |" for row in rows)
)
heading = st.tuples(st.integers(1, 6), words).map(lambda pair: "#" * pair[0] + " " + pair[1])
blob = st.text(min_size=1, max_size=400)
blocks = st.lists(st.one_of(paragraph, items, table, heading, blob), max_size=12)


def document(parts: Sequence[str], *, slides: bool = False) -> Parsed:
    text = "\n\n".join(parts)
    headings = tuple(
        Heading(level=len(match.group(1)), title=match.group(2).strip(), start=match.start())
        for match in re.finditer(r"^(#{1,6}) ([^\n]*\S)[^\n]*$", text, re.MULTILINE)
    )
    pages: tuple[Page, ...] = ()
    if slides and text:
        edges = sorted({0, len(text) // 3, 2 * len(text) // 3, len(text)})
        pages = tuple(Page(number=n, start=a, end=b) for n, (a, b) in enumerate(pairwise(edges), 1))
    kind = "application/vnd.openxmlformats-officedocument.presentationml.presentation" if slides else "text/plain"
    return Parsed(text=text, title="", media_type=kind, headings=headings, pages=pages)


made = st.sampled_from([(tokenizer, most, overlap) for tokenizer in TOKENIZERS for most, overlap in SIZES])
"""The parameters of a chunker."""


@settings(max_examples=300)
@given(made=made, parts=blocks, slides=st.booleans())
def test_pieces_are_in_order_within_the_limit_and_hold_every_character(
    made: tuple[Tokenizer, int, int], parts: list[str], slides: bool
) -> None:
    tokenizer, most, overlap = made
    chunker: Chunker = StructureChunker(tokenizer, most, overlap)
    parsed = document(parts, slides=slides)
    text = parsed.text
    pieces = chunker.split(parsed)
    held = set()
    for piece in pieces:
        assert 0 <= piece.start < piece.end <= len(text)
        assert text[piece.start : piece.end].strip()
        assert piece.tokens <= most
        assert piece.tokens == len(tokenizer.spans(text[piece.start : piece.end]))
        assert piece.page is None or any(page.number == piece.page for page in parsed.pages)
        held.update(range(piece.start, piece.end))
    assert all(before.start < after.start and before.end < after.end for before, after in pairwise(pieces))
    assert all(text[index].isspace() for index in set(range(len(text))) - held)


@settings(max_examples=50)
@given(made=made, parts=blocks)
def test_the_same_document_is_cut_the_same_way(made: tuple[Tokenizer, int, int], parts: list[str]) -> None:
    first, second = StructureChunker(*made), StructureChunker(*made)
    assert first.split(document(parts)) == second.split(document(parts))


@pytest.mark.parametrize("parts", [[], [" ", "\t"]])
def test_nothing_to_cut_gives_no_pieces(parts: list[str]) -> None:
    assert StructureChunker(WordTokenizer()).split(document(parts)) == []


def test_the_name_tells_the_parameters_apart() -> None:
    names = {StructureChunker(WordTokenizer(), most, overlap).name for most, overlap in SIZES}
    assert len(names) == len(SIZES)
