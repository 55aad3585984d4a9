"""Lines on pages to paragraphs and headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit.ingest.parsers.builder import normalise

__all__ = ["Block", "Line", "paragraphs", "without_furniture"]

_EDGE_LINES = 2
_DIGITS = re.compile(r"\d+")
_ITEM = re.compile(r"(?:[•▪‣◦●○■–·*]|-(?=\s)|\(?\d{1,3}[.)](?=\s)|\(?[a-z]\)(?=\s))\s*")  # noqa: RUF001
_BULLET = re.compile(r"^[•▪‣◦●○■·\uf0b7]\s*")
_HYPHEN = re.compile(r"[^\W\d_]{2,}[-\u2010\ufffe\x02]$")
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it is printed, in points from the lower left corner of the page."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or a heading where `level` is not 0."""

    text: str
    level: int = 0


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without the headers, footers and page numbers that stand on most of them."""
    printed = [page for page in pages if page]
    if len(printed) < 3:
        return [list(page) for page in pages]
    seen: Counter[str] = Counter()
    for page in printed:
        seen.update({_pattern(line) for line in _edges(page)})
    needed = max(3, len(printed) * 0.4)
    repeated = {pattern for pattern, count in seen.items() if count >= needed}
    return [_stripped(page, repeated) for page in pages]


def _pattern(line: Line) -> str:
    return _DIGITS.sub("#", line.text).casefold()


def _edges(page: Sequence[Line]) -> list[Line]:
    return [*page[:_EDGE_LINES], *page[-_EDGE_LINES:]]


def _stripped(page: Sequence[Line], repeated: set[str]) -> list[Line]:
    last = len(page) - _EDGE_LINES
    kept = [
        line
        for index, line in enumerate(page)
        if not ((index < _EDGE_LINES or index >= last) and _pattern(line) in repeated)
    ]
    # A page of nothing but such lines keeps them: a form, a title on every slide.
    return kept or list(page)


def paragraphs(pages: Sequence[Sequence[Line]], outline: dict[str, int]) -> list[list[Block]]:
    """The blocks of each page; `outline` gives the level of a heading by its casefolded title."""
    body = _body_size(pages)
    larger = sorted({line.size for page in pages for line in page if line.size > body * 1.15}, reverse=True)
    sizes = {size: level for level, size in enumerate(larger[:4], 1)} if not outline else {}
    words = {word.casefold() for page in pages for line in page for word in _WORDS.findall(line.text)}
    return [_page_blocks(page, outline, sizes, words) for page in pages]


def _body_size(pages: Sequence[Sequence[Line]]) -> float:
    counts: Counter[float] = Counter()
    for page in pages:
        for line in page:
            counts[line.size] += len(line.text)
    return counts.most_common(1)[0][0] if counts else 0.0


def _page_blocks(
    page: Sequence[Line], outline: dict[str, int], sizes: dict[float, int], words: set[str]
) -> list[Block]:
    blocks: list[Block] = []
    together: list[Line] = []
    spacing = _usual_spacing(page)
    width = _usual_width(page)
    for line in page:
        level = _level(line, outline, sizes)
        if together and (level or _breaks(together[-1], line, spacing)):
            blocks.append(Block(_joined(together, width, words)))
            together = []
        if not level:
            together.append(line)
        elif blocks and blocks[-1].level == level and line.text[:1].islower():
            blocks[-1] = Block(f"{blocks[-1].text} {line.text}", level)
        else:
            blocks.append(Block(normalise(line.text), level))
    if together:
        blocks.append(Block(_joined(together, width, words)))
    return blocks


def _level(line: Line, outline: dict[str, int], sizes: dict[float, int]) -> int:
    if outline:
        title = " ".join(line.text.split()).casefold()
        return outline.get(title) or outline.get(re.sub(r"^[\d.]+\s+", "", title), 0)
    is_title_like = len(line.text) <= 120 and any(map(str.isalpha, line.text)) and line.text[-1] not in ".,;"
    return sizes.get(line.size, 0) if is_title_like else 0


def _usual_width(page: Sequence[Line]) -> float:
    """Of a line that fills its column."""
    widths = sorted(line.right - line.left for line in page)
    return widths[len(widths) * 4 // 5] if widths else 0.0


def _usual_spacing(page: Sequence[Line]) -> float:
    gaps = sorted(
        gap for above, below in pairwise(page) if 0 < (gap := above.bottom - below.bottom) <= max(2.2 * above.size, 12)
    )
    return gaps[len(gaps) // 3] if gaps else 0.0


def _breaks(above: Line, below: Line, spacing: float) -> bool:
    """Whether a paragraph ends between two lines that follow one another."""
    gap = above.bottom - below.bottom
    usual = spacing or 1.4 * above.size
    if gap > usual * 1.35 or gap < -usual:
        return True
    return abs(above.size - below.size) > 1.5


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
    return _BULLET.sub("- ", normalise(line.text))


def _dehyphenated(text: str, following: str, words: set[str]) -> str:
    """`infor-` and `mation` as `information`; `self-` and `hosted` stay hyphenated where the text says so elsewhere."""
    text = text.rstrip("-\u2010\ufffe\x02")
    first = _WORDS.search(text[-60:][::-1])
    left = first.group()[::-1].casefold() if first else ""
    after = _WORDS.match(following)
    right = after.group().casefold() if after else ""
    hyphenated = f"{left}-{right}" in words and f"{left}{right}" not in words
    return f"{text}-{following}" if hyphenated else text + following
