"""Which lines of a PDF are headings: those of its outline, else those set larger or bolder than the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from ragkit.ingest.parsers.pdf_order import Line
from ragkit.ingest.parsers.pdf_tables import Table
from ragkit.ingest.parsers.pdf_text import Face

__all__ = ["Headings"]

_MAX_CHARS = 120
_MAX_LINES = 3
_LARGER = 1.12
_NUMBERED = re.compile(
    r"(?:(?:chapter|part|section|appendix|annex|kapitel)\s+(?:[A-Z]|\d{1,3})|\d{1,3})((?:\.\d{1,3})*)\.?\s+\S",
    re.IGNORECASE,
)
_NOT_WORD = re.compile(r"[\W_]+")
_ITEM = re.compile(r"[•▪‣◦●○■·–*-]\s")  # noqa: RUF001
_LEADER = re.compile(r"\.{4}|(?:\. ){4}")
"""As a table of contents has them."""
_MIN_OUTLINED = 0.5

Outline = Mapping[int, Sequence[tuple[str, int]]]
"""By page number: the titles that lead there, and their levels from 1."""


class Headings:
    """What headings look like in one document.

    Args:
        pages: All of it.
        outline: Its bookmarks; used where at least half of them are found on their pages.
    """

    def __init__(self, pages: Sequence[Sequence[Line | Table]], outline: Outline) -> None:
        items = list(chain.from_iterable(pages))
        lines = [item for item in items if isinstance(item, Line)]
        self._body, self._plain = _usual(items)
        self._outlined = self._found(pages, outline)
        larger = {line.size for line in lines if line.size >= _LARGER * self._body and _is_title_like(line)}
        self._sizes = sorted(larger, reverse=True)[:4]
        numbered = [run for page in pages for run in _runs_of_a_style(page) if _depth(run[0]) and self._rank(run)]
        self._above_numbers = min((max(self._rank(run) - _depth(run[0]), 0) for run in numbered), default=0)
        """How many levels stand above those of the numbers, such as that of the title."""

    def of_page(self, number: int, page: Sequence[Line | Table]) -> dict[int, int]:
        """The level of each heading line, by the line's `id`."""
        if self._outlined is not None:
            return self._outlined.get(number, {})
        found: dict[int, int] = {}
        for run in _runs_of_a_style(page):
            if level := self._level(run):
                found.update((id(line), level) for line in run)
        return found

    def _level(self, run: Sequence[Line]) -> int:
        """By the depth of its number, `2.1.3`, where it has one, else by its size."""
        rank = self._rank(run)
        return min(self._above_numbers + _depth(run[0]), 6) if rank and _depth(run[0]) else rank

    def _rank(self, run: Sequence[Line]) -> int:
        """1 for the largest; lines that are only bold come after all larger ones; 0 is no heading."""
        first, text = run[0], " ".join(line.text for line in run)
        if len(run) > _MAX_LINES or len(text) > _MAX_CHARS or text[-1] in ".,;":
            return 0
        if not (_is_title_like(first) and _is_title_like(run[-1])):
            return 0
        if first.size in self._sizes:
            return self._sizes.index(first.size) + 1
        if first.size < 0.95 * self._body or first.face in {"", self._plain}:
            return 0
        return len(self._sizes) + 1 if first.face == "bold" or _is_title_case(text) else 0

    @staticmethod
    def _found(pages: Sequence[Sequence[Line | Table]], outline: Outline) -> dict[int, dict[int, int]] | None:
        """The lines that the outline names, by page; None where it does not fit the text."""
        found: dict[int, dict[int, int]] = {}
        hits = 0
        for number, titles in outline.items():
            page = [(_plain(item.text), item) for item in pages[number - 1] if isinstance(item, Line)]
            for title, level in titles:
                if lines := _lines_of(title, page):
                    hits += 1
                    found.setdefault(number, {}).update((id(line), level) for line in lines)
        wanted = sum(map(len, outline.values()))
        return found if hits and hits >= _MIN_OUTLINED * wanted else None


def _usual(items: Iterable[Line | Table]) -> tuple[float, Face]:
    """Size and face of most of the text."""
    sizes: Counter[float] = Counter()
    faces: Counter[Face] = Counter()
    for item in items:
        if isinstance(item, Table):
            sizes[item.size] += sum(len(cell) for row in item.rows for cell in row)
        else:
            sizes[item.size] += len(item.text)
            faces[item.face] += len(item.text)
    return next(iter(sizes.most_common(1)), (0.0, 0))[0], next(iter(faces.most_common(1)), ("", 0))[0]


def _runs_of_a_style(page: Sequence[Line | Table]) -> Iterable[list[Line]]:
    """Lines that follow one another in the same size and face."""
    run: list[Line] = []
    for item in page:
        same = run and isinstance(item, Line) and (item.size, item.face) == (run[-1].size, run[-1].face)
        if run and not same:
            yield run
            run = []
        if isinstance(item, Line):
            run.append(item)
    if run:
        yield run


def _is_title_like(line: Line) -> bool:
    if line.turned or len(line.text) > _MAX_CHARS or _ITEM.match(line.text) or _LEADER.search(line.text):
        return False
    return any(map(str.isalpha, line.text))


def _depth(line: Line) -> int:
    """Of the number with which it begins: 2 for `3.1`; 0 without one."""
    match = _NUMBERED.match(line.text)
    return 1 + match[1].count(".") if match else 0


def _is_title_case(text: str) -> bool:
    words = [word for word in text.split() if len(word) > 3]
    return bool(words) and sum(word[0].isupper() for word in words) > 0.6 * len(words)


def _lines_of(title: str, page: Sequence[tuple[str, Line]]) -> list[Line]:
    """The line, or the few in a row, that say what the bookmark says; of the page, plain text and lines."""
    wanted = _plain(title)
    for index, (text, _) in enumerate(page):
        count = 1
        while len(text) < len(wanted) and count < _MAX_LINES and index + count < len(page):
            text += page[index + count][0]
            count += 1
        if wanted and wanted in {text, text.lstrip("0123456789")}:
            return [line for _, line in page[index : index + count]]
    return []


def _plain(text: str) -> str:
    return _NOT_WORD.sub("", text.casefold())
