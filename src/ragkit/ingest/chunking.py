"""Cuts a parsed document into passages along its structure.

The document becomes a row of atoms: paragraphs, list items, groups of table rows, and sentences where a paragraph alone
is too long. Every boundary between two atoms has a rank, from the start of a top-level section down to the middle of a
sentence. Cutting has two steps:

1. Down to stretches of one or two passages, cut at the highest rank. Among equal ranks the winner is drawn by a hash
   of the text behind the boundary, so that the decision depends on nothing far away and an edit changes the passages
   around it and no others (content-defined chunking: Muthitacharoen, Chen and Mazières, "A low-bandwidth network file
   system", SOSP 2001).
2. Inside a stretch, dynamic programming picks the cuts that cost least: a low rank costs, a small passage costs, and a
   passage that runs across sections costs.

Lengths are counted with the embedder's own tokenizer, once for the whole text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit.errors import ConfigError
from ragkit.ingest.atoms import Atom, Rank, atoms_of
from ragkit.parsed import Heading, Parsed, Piece
from ragkit.protocols import Embedder, Tokenizer

__all__ = ["LEAST_ROOM", "StructureChunker", "context_line", "embedded_input", "fitting"]

_VERSION = 1
_STRETCH = 1.5
"""Passages' worth of tokens that are packed together. Measured: 99 of 100 edits of a sentence change at most three
passages; at 3 it is 95, with no more of the answers found."""
_CONTEXT_TOKENS = 24
LEAST_ROOM = _CONTEXT_TOKENS + 10
"""Tokens that an embedder must read beyond a passage: those of its context, which are estimated, and marks."""


class StructureChunker:
    """Passages of at most `max_tokens` that keep sections, paragraphs, items and rows together.

    Args:
        tokenizer: The embedder's.
        max_tokens: Longest passage.
        overlap: Tokens of the passage before that each passage repeats; part of `max_tokens`.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int = 220, overlap: int = 0) -> None:
        if not 0 <= overlap <= max_tokens // 2:
            raise ValueError(f"overlap must be from 0 to half of max_tokens ({max_tokens}), not {overlap}")
        self._tokenizer = tokenizer
        self._max = max_tokens
        self._overlap = overlap

    @property
    def name(self) -> str:
        return f"structure/{_VERSION}:{self._max}:{self._overlap}"

    def split(self, parsed: Parsed) -> list[Piece]:
        """The passages in order; together they hold every character that is not white space."""
        ruler = Ruler(self._tokenizer.spans(parsed.text))
        limit = self._max - self._overlap
        atoms = atoms_of(parsed, ruler.count, limit)
        paths = _HeadingPaths(parsed.headings)
        pages = [(page.start, page.number) for page in parsed.pages]
        pieces: list[Piece] = []
        for first, last in _stretches(atoms, limit):
            for low, high in _pack(atoms, first, last, limit, ruler):
                start, end = atoms[low].start, atoms[high - 1].end
                if self._overlap and pieces and atoms[low].rank is not Rank.PAGE:
                    start = self._reach_back(parsed.text, ruler, pieces[-1].start, start, end)
                heading = paths.common(start, end)
                page = _page_of(pages, start)
                pieces.append(Piece(start=start, end=end, page=page, heading=heading, tokens=ruler.count(start, end)))
        return pieces

    def _reach_back(self, text: str, ruler: Ruler, previous: int, start: int, end: int) -> int:
        """A start up to `overlap` tokens earlier, at the beginning of a word."""
        room = min(self._overlap, self._max - ruler.count(start, end))
        early = min(start, max(ruler.back(start, room), previous + 1))
        while early < start and (text[early].isspace() or (early > 0 and not text[early - 1].isspace())):
            early += 1
        return early


def fitting(embedder: Embedder, *, tokens: int, overlap: int) -> StructureChunker:
    """Cuts into passages of so many tokens, or as many as the embedder reads beside their context.

    Raises:
        ConfigError: `overlap` is more than half of that.
    """
    most = min(tokens, embedder.spec.max_tokens - LEAST_ROOM)
    if overlap > most // 2:
        raise ConfigError(
            f"Passages of {most} tokens cannot share {overlap}, which is more than half of them.",
            hint="Lower `overlap` in [chunks] of the pipeline file, or RAGKIT_CHUNK_OVERLAP.",
        )
    return StructureChunker(embedder.tokenizer, max_tokens=most, overlap=overlap)


class Ruler:
    """Counts the tokens of any stretch of a text that was tokenized once."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]

    def count(self, start: int, end: int) -> int:
        """Tokens that have a character in `start:end`."""
        return max(0, bisect_left(self._starts, end) - bisect_right(self._ends, start))

    def back(self, start: int, tokens: int) -> int:
        """Where the stretch of `tokens` tokens before `start` begins."""
        index = bisect_left(self._starts, start)
        return self._starts[max(0, index - tokens)] if tokens > 0 and index else start


def _stretches(atoms: Sequence[Atom], limit: int) -> Iterator[tuple[int, int]]:
    """Split into ranges of atoms that hold at most `_STRETCH * limit` tokens."""
    totals = [0]
    for atom in atoms:
        totals.append(totals[-1] + atom.tokens)
    waiting = [(0, len(atoms))] if atoms else []
    while waiting:
        low, high = waiting.pop()
        pages = [index for index in range(low + 1, high) if atoms[index].rank is Rank.PAGE]
        if pages:
            edges = [low, *pages, high]
            waiting.extend(reversed(list(pairwise(edges))))
        elif high - low < 2 or totals[high] - totals[low] <= _STRETCH * limit:
            yield low, high
        else:
            cut = _best_cut(atoms, totals, low, high, limit)
            waiting.extend([(cut, high), (low, cut)])


def _best_cut(atoms: Sequence[Atom], totals: Sequence[int], low: int, high: int, limit: int) -> int:
    """The boundary of the highest rank, drawn by hash; near the ends only where nothing else is left."""
    best, best_key = low + 1, (-1, -1, -1)
    for index in range(low + 1, high):
        atom = atoms[index]
        margin = limit // 8 if atom.rank >= Rank.SECTION else limit // 2
        inside = min(totals[index] - totals[low], totals[high] - totals[index])
        # What repeats has equal hashes: the most central wins, or a thousand equal lines would be cut one by one.
        key = (atom.rank + 100 if inside >= margin else atom.rank, atom.draw, inside)
        if key > best_key:
            best, best_key = index, key
    return best


def _pack(atoms: Sequence[Atom], low: int, high: int, limit: int, ruler: Ruler) -> list[tuple[int, int]]:
    """The cheapest division of `atoms[low:high]` into passages of at most `limit` tokens."""
    cost = [0.0] + [float("inf")] * (high - low)
    came_from = [0] * (high - low + 1)
    for begin in range(low, high):
        base = cost[begin - low] + (atoms[begin].rank.cut_cost if begin > low else 0.0)
        crossing = 0.0
        for end in range(begin, high):
            tokens = ruler.count(atoms[begin].start, atoms[end].end)
            if tokens > limit and end > begin:
                break
            if end > begin:
                crossing += atoms[end].rank.crossing_cost
            total = base + crossing + max(0.0, 1 - tokens / limit) ** 3
            if total < cost[end + 1 - low]:
                cost[end + 1 - low], came_from[end + 1 - low] = total, begin
    cuts = [high]
    while cuts[-1] > low:
        cuts.append(came_from[cuts[-1] - low])
    cuts.reverse()
    return list(pairwise(cuts))


@dataclass(frozen=True, slots=True)
class _Section:
    start: int
    path: tuple[str, ...]


class _HeadingPaths:
    """Which headings stand above a place in the text."""

    def __init__(self, headings: Sequence[Heading]) -> None:
        self._sections: list[_Section] = []
        open_headings: list[Heading] = []
        for heading in headings:
            while open_headings and open_headings[-1].level >= heading.level:
                open_headings.pop()
            open_headings.append(heading)
            self._sections.append(_Section(heading.start, tuple(one.title for one in open_headings)))
        self._starts = [section.start for section in self._sections]

    def common(self, start: int, end: int) -> str:
        """The path that all of `start:end` is under."""
        first = max(0, bisect_right(self._starts, start) - 1)
        under = self._sections[first : bisect_left(self._starts, end)]
        if not under or self._starts[first] > start:
            return ""
        path = under[0].path
        for section in under[1:]:
            same = 0
            while same < min(len(path), len(section.path)) and path[same] == section.path[same]:
                same += 1
            path = path[:same]
        return " > ".join(path)


def _page_of(pages: Sequence[tuple[int, int]], start: int) -> int | None:
    index = bisect_right(pages, (start, 1 << 60)) - 1
    return pages[max(0, index)][1] if pages else None


def context_line(title: str, heading: str) -> str:
    """Where a passage stands: the title and its two innermost headings, at most about 24 tokens of them.

    The innermost heading says most, so the title is what gives way.
    """
    levels = [level for level in heading.split(" > ") if level][-2:]
    parts = [title, *levels] if title and title.casefold() not in {level.casefold() for level in levels} else levels
    kept: list[str] = []
    room = _CONTEXT_TOKENS
    for part in reversed(parts):
        short = _shortened(part, room)
        room -= _estimate(short)
        if not short:
            break
        kept.append(short)
    return " > ".join(reversed(kept))


def embedded_input(*, title: str, heading: str, text: str) -> str:
    """What is embedded for a passage: its context as a first line, then its text; the file name never."""
    context = context_line(title, heading)
    return f"{context}\n{text}" if context else text


def _shortened(text: str, room: int) -> str:
    kept: list[str] = []
    for word in text.split():
        room -= _estimate(word)
        if room < 0:
            break
        kept.append(word)
    return " ".join(kept)


def _estimate(text: str) -> int:
    """Tokens of `text`, rather too many than too few: a quarter of plain letters, each other character one."""
    plain = sum(1 for character in text if character.isascii() and (character.isalpha() or character == " "))
    return -(-plain // 4) + len(text) - plain
