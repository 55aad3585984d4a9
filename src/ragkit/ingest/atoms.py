"""The smallest parts that a chunker moves around, and how much it hurts to cut between them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

from ragkit.parsed import Heading, Parsed
from ragkit.text import sentences

__all__ = ["Atom", "Rank", "atoms_of"]

Count = Callable[[int, int], int]


class Rank(IntEnum):
    """What begins at a boundary; the higher, the better a place to cut."""

    GLUED = 0
    """Belongs with what stands before it: the first text below a heading, a list below the line that announces it."""
    WORD = 1
    SENTENCE = 2
    LINE = 3
    ITEM = 4
    PARAGRAPH = 5
    SECTION = 6
    """A heading of level 4 or deeper."""
    SECTION_3 = 7
    SECTION_2 = 8
    SECTION_1 = 9
    PAGE = 10
    """A slide: always cut."""

    @property
    def cut_cost(self) -> float:
        return _CUT_COST[self]

    @property
    def crossing_cost(self) -> float:
        return _CROSSING_COST[self]


_CUT_COST = (3.0, 1.2, 0.6, 0.4, 0.3, 0.15, 0.05, 0.03, 0.02, 0.0, 0.0)
_CROSSING_COST = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.5, 9.0)


@dataclass(frozen=True, slots=True)
class Atom:
    """`text[start:end]`, trimmed, never cut unless it alone is too long for a passage."""

    start: int
    end: int
    tokens: int
    rank: Rank
    """Of the boundary before it."""
    draw: int
    """Decides among boundaries of equal rank; from its first words only, so that edits further on leave it alone."""


_BLANK_LINE = re.compile(r"\n(?:[ \t]*\n)+")
_ITEM = re.compile(r"\n(?=[ \t]*(?:[-*+•‣◦–]|\(?\d{1,3}[.)])[ \t]+\S)")  # noqa: RUF001
_LINE = re.compile(r"\n+")
_WORD_START = re.compile(r"(?<=\s)(?=\S)")
_FINER: tuple[tuple[re.Pattern[str] | None, Rank], ...] = (
    (_ITEM, Rank.ITEM),
    (_LINE, Rank.LINE),
    (None, Rank.SENTENCE),
)


def atoms_of(parsed: Parsed, count: Count, limit: int) -> list[Atom]:
    """The atoms of a document, none longer than `limit` tokens."""
    text = parsed.text
    headings = {heading.start: heading for heading in parsed.headings}
    slides = {page.start for page in parsed.pages} if "presentation" in parsed.media_type else set()
    atoms: list[Atom] = []
    for start, end in _blocks(text, sorted({*headings, *slides})):
        rank = _rank(text, start, headings, atoms)
        if slides and _starts_slide(atoms, start, sorted(slides)):
            rank = Rank.PAGE
        atoms.extend(_divided(text, start, end, rank, count, limit))
    return atoms


def _starts_slide(atoms: list[Atom], start: int, slides: list[int]) -> bool:
    return bool(atoms) and bisect_right(slides, start) != bisect_right(slides, atoms[-1].start)


def _blocks(text: str, edges: list[int]) -> Iterator[tuple[int, int]]:
    """Paragraphs, heading lines apart, trimmed of white space."""
    position = 0
    for edge in [*edges, len(text)]:
        for blank in _BLANK_LINE.finditer(text, position, edge):
            yield from _trimmed(text, position, blank.start())
            position = blank.end()
        yield from _trimmed(text, position, max(position, edge))
        position = max(position, edge)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without white space around it, but with the indentation of its first line, which code needs."""
    part = text[start:end]
    kept = part.strip()
    if kept:
        left = start + len(part) - len(part.lstrip())
        line = max(start, text.rfind("\n", start, left) + 1)
        whole_line = line == 0 or text[line - 1] == "\n"
        yield (line if whole_line else left), left + len(kept)


def _rank(text: str, start: int, headings: dict[int, Heading], atoms: list[Atom]) -> Rank:
    heading = headings.get(start)
    after_heading = bool(atoms) and _is_heading(text, atoms[-1], headings)
    if heading and not after_heading:
        return Rank(max(Rank.SECTION, Rank.SECTION_1 + 1 - heading.level))
    if after_heading:
        return Rank.GLUED
    return Rank.GLUED if atoms and text[atoms[-1].end - 1] == ":" and atoms[-1].tokens < 40 else Rank.PARAGRAPH


def _is_heading(text: str, atom: Atom, headings: dict[int, Heading]) -> bool:
    return atom.start in headings and "\n" not in text[atom.start : atom.end]


def _divided(text: str, start: int, end: int, rank: Rank, count: Count, limit: int, level: int = 0) -> Iterator[Atom]:
    """One atom, or several where it is longer than `limit`: by items, lines, sentences, words."""
    tokens = count(start, end)
    if tokens <= limit:
        yield Atom(start, end, tokens, rank, _draw(text, start, end))
    elif level == len(_FINER):
        yield from _by_words(text, start, end, rank, count, limit)
    else:
        pattern, finer = _FINER[level]
        for left, right in _parts(text, start, end, pattern):
            yield from _divided(text, left, right, rank, count, limit, level + 1)
            rank = finer


def _draw(text: str, start: int, end: int) -> int:
    # The groups of a table all begin with the same header row.
    first = text.find("\n", start, end) + 1 if text[start] == "|" else 0
    first = first or start
    return crc32(text[first : min(end, first + 32)].encode())


def _parts(text: str, start: int, end: int, pattern: re.Pattern[str] | None) -> Iterator[tuple[int, int]]:
    if pattern is None:
        yield from ((start + left, start + right) for left, right in sentences(text[start:end]))
        return
    position = start
    for match in pattern.finditer(text, start, end):
        yield from _trimmed(text, position, match.start())
        position = match.end()
    yield from _trimmed(text, position, end)


def _by_words(text: str, start: int, end: int, rank: Rank, count: Count, limit: int) -> Iterator[Atom]:
    """Pieces of a text without sentences, cut between words, or anywhere in a word that alone is too long."""
    target = max(1, limit // 4)
    while start < end:
        stop = _reach(start, end, count, target)
        if stop < end:
            space = max(text.rfind(" ", start + 1, stop + 1), text.rfind("\n", start + 1, stop + 1))
            stop = space if space > start else stop
        for left, right in _trimmed(text, start, stop):
            yield Atom(left, right, count(left, right), rank, _draw(text, left, right))
            rank = Rank.WORD
        start = stop


def _reach(start: int, end: int, count: Count, tokens: int) -> int:
    """The furthest place such that `start` to there is at most `tokens` long; at least one character on."""
    low, high = start + 1, end
    while low < high:
        middle = (low + high + 1) // 2
        if count(start, middle) <= tokens:
            low = middle
        else:
            high = middle - 1
    return low
