"""Lines on pages to paragraphs, headings and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ragkit.ingest.parsers.builder import normalise
from ragkit.ingest.parsers.pdf_headings import Headings
from ragkit.ingest.parsers.pdf_order import Line
from ragkit.ingest.parsers.pdf_tables import Table

__all__ = ["Block", "blocks_of"]

_ITEM = re.compile(r"(?:[•▪‣◦●○■–·*]|-(?=\s)|\(?\d{1,3}[.)](?=\s)|\(?[a-z]\)(?=\s))\s*")  # noqa: RUF001
_BULLET = re.compile(r"^[•▪‣◦●○■·\uf0b7]\s*")
_HYPHEN = re.compile(r"[^\W\d_]{2,}[-\u2010\ufffe\x02]$")
_HYPHENS = "-\u2010\ufffe\x02"
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_NUMBERED = re.compile(r"\d+(?:\.\d+)*\.?\s")
_ENDS = ".!?:;"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a heading where `level` is not 0, or a table where there are rows."""

    text: str = ""
    level: int = 0
    rows: list[list[str]] | None = None
    continues: bool = False
    """It goes on with the paragraph that ended the page before."""


def blocks_of(pages: Sequence[Sequence[Line | Table]], headings: Headings) -> list[list[Block]]:
    """The blocks of each page; a paragraph that a page break cuts goes on in the first block of the next one."""
    words = {
        word.casefold()
        for page in pages
        for item in page
        if isinstance(item, Line)
        for word in _WORDS.findall(item.text)
    }
    blocks = [list(_page_blocks(page, number, headings, words)) for number, page in enumerate(pages, 1)]
    before: list[Block] = []
    for page in blocks:
        if page and before:
            before[-1], page[0] = _carried_over(before[-1], page[0], words)
        before = page or before
    return blocks


def _page_blocks(page: Sequence[Line | Table], number: int, headings: Headings, words: set[str]) -> Iterator[Block]:
    lines = [item for item in page if isinstance(item, Line)]
    spacing, width = _usual_spacing(lines), _usual_width(lines)
    levels = headings.of_page(number, page)
    together: list[Line] = []
    title: list[Line] = []
    for item in page:
        level = levels.get(id(item), 0)
        goes_on = bool(title) and level == levels[id(title[-1])] and _same_heading(title[-1], item)
        if title and not goes_on:
            yield _heading(title, levels[id(title[0])])
            title = []
        if together and (level or isinstance(item, Table) or _breaks(together[-1], item, spacing)):
            yield Block(_joined(together, width, words))
            together = []
        if isinstance(item, Table):
            yield Block(rows=item.rows)
        else:
            (title if level else together).append(item)
    if title:
        yield _heading(title, levels[id(title[0])])
    if together:
        yield Block(_joined(together, width, words))


def _heading(lines: Sequence[Line], level: int) -> Block:
    text = lines[0].text
    for line in lines[1:]:
        text = f"{text.rstrip(_HYPHENS)}{line.text}" if _HYPHEN.search(text) else f"{text} {line.text}"
    return Block(normalise(text), level)


def _same_heading(above: Line, below: Line | Table) -> bool:
    """Whether a heading runs on in the next line."""
    if isinstance(below, Table) or above.size != below.size:
        return False
    return 0 < above.bottom - below.bottom < 1.6 * (above.top - above.bottom) and not _NUMBERED.match(below.text)


def _usual_width(page: Sequence[Line]) -> float:
    """Of a line that fills its column."""
    widths = sorted(line.right - line.left for line in page)
    return widths[len(widths) * 4 // 5] if widths else 0.0


def _usual_spacing(page: Sequence[Line]) -> float:
    """From one line to the next; most lines of a page stand in paragraphs."""
    gaps = sorted(
        gap for above, below in pairwise(page) if 0 < (gap := above.bottom - below.bottom) <= max(2.2 * above.size, 12)
    )
    return gaps[len(gaps) // 3] if gaps else 0.0


def _breaks(above: Line, below: Line, spacing: float) -> bool:
    """Whether a paragraph ends between two lines that follow one another."""
    gap = above.bottom - below.bottom
    usual = spacing or 1.4 * above.size
    if _HYPHEN.search(above.text) and below.text[:1].islower() and gap < 3 * usual:
        return False
    if gap < -usual:  # on top of the next column
        return not (_is_cut(above.text) and below.text[:1].islower())
    return gap > usual * 1.35 or abs(above.size - below.size) > 1.5


def _is_cut(text: str) -> bool:
    return text[-1:] not in _ENDS


def _joined(lines: Sequence[Line], width: float, words: set[str]) -> str:
    """Lines as one paragraph; a line that stops short of the margin, or begins an item, keeps its break."""
    text = _without_bullet(lines[0])
    for above, below in pairwise(lines):
        following = _without_bullet(below)
        if _HYPHEN.search(above.text) and following[:1].islower():
            text = _dehyphenated(text, following, words)
        elif _ITEM.match(below.text) or above.right - above.left < 0.7 * width:
            text += "\n" + following
        else:
            text += " " + following
    return text


def _without_bullet(line: Line) -> str:
    text = _BULLET.sub("- ", line.text)
    # A hyphen at the end of the line stays as PDFium marks it, until the next line is known.
    return normalise(text[:-1]) + text[-1] if text[-1:] in _HYPHENS else normalise(text)


def _dehyphenated(text: str, following: str, words: set[str]) -> str:
    """`infor-` and `mation` as `information`; `self-` and `hosted` stay hyphenated where the text says so elsewhere."""
    text = text.rstrip(_HYPHENS)
    first = _WORDS.search(text[-60:][::-1])
    left = first.group()[::-1].casefold() if first else ""
    after = _WORDS.match(following)
    right = after.group().casefold() if after else ""
    hyphenated = f"{left}-{right}" in words and f"{left}{right}" not in words
    return f"{text}-{following}" if hyphenated else text + following


def _carried_over(last: Block, first: Block, words: set[str]) -> tuple[Block, Block]:
    """A paragraph that a page break cuts: the rest of a divided word comes back, the rest of the text is marked."""
    is_text = not (last.level or last.rows or first.level or first.rows)
    if not (is_text and _is_cut(last.text) and first.text[:1].islower()):
        return last, first
    if not _HYPHEN.search(last.text):
        return last, replace(first, continues=True)
    rest, _, remaining = first.text.partition(" ")
    if not remaining:
        return last, first
    return replace(last, text=_dehyphenated(last.text, rest, words)), Block(remaining, continues=True)
