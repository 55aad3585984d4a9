"""What a document prints on page after page: running headers and footers, page numbers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from ragkit.ingest.parsers.pdf_order import Line
from ragkit.ingest.parsers.pdf_tables import Table

__all__ = ["without_furniture"]

_EDGE_LINES = 2
_NEAR = 4.0
_MOST = 0.4
_TITLE = 1.3
_PAGE_WORD = re.compile(r"\W*\b(?:page|seite|página)$", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_ROMAN = re.compile(r"(?=[ivxl])(?:xl|x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)
_PAGE = re.compile(r"(?:\W*(?:p(?:age|\.)|seite|página|página|of|von|de|/)?\W*#\W*){1,2}", re.IGNORECASE)
_KEPT = 3

Items = list[Line | Table]


def without_furniture(pages: Sequence[Items]) -> tuple[list[Items], dict[str, str]]:
    """The pages without what repeats at their edges, and what that says, once, as `header` and `footer`."""
    places: defaultdict[tuple[str, bool], list[tuple[int, Line]]] = defaultdict(list)
    for number, items in enumerate(pages):
        for line, is_header in _edges(items):
            places[_pattern(line), is_header].append((number, line))
    printed = sum(map(bool, pages))
    removed: set[int] = set()
    said: dict[str, list[str]] = {"header": [], "footer": []}
    for (pattern, is_header), found in places.items():
        repeated = list(_repeated(pattern, found, printed))
        removed.update(id(line) for line in repeated)
        if repeated and any(map(str.isalpha, pattern)) and not _PAGE.fullmatch(pattern):
            said["header" if is_header else "footer"].append(_constant(repeated))
    kept = [[item for item in items if id(item) not in removed] for items in pages]
    # A page of nothing but such lines keeps them: a form, a title on every slide.
    whole = [after or before for after, before in zip(kept, pages, strict=True)]
    return whole, {name: " · ".join(texts[:_KEPT]) for name, texts in said.items() if texts}


def _edges(items: Items) -> Iterator[tuple[Line, bool]]:
    """The highest and the lowest lines of a page, and whether they are the highest."""
    lines = sorted((item for item in items if isinstance(item, Line)), key=lambda line: -line.top)
    for line in lines[:_EDGE_LINES]:
        yield line, True
    for line in lines[_EDGE_LINES:][-_EDGE_LINES:]:
        yield line, False


def _pattern(line: Line) -> str:
    text = line.text.strip()
    return "#" if _ROMAN.fullmatch(text) else _NUMBER.sub("#", text).casefold()


def _repeated(pattern: str, found: Sequence[tuple[int, Line]], printed: int) -> Iterator[Line]:
    if _PAGE.fullmatch(pattern):
        yield from _numbering(found)
    elif any(map(str.isalpha, pattern)) and len(found) >= 3:
        everywhere = len(found) >= _MOST * printed
        usual = median(line.size for _, line in found)
        for index, (number, line) in enumerate(found):
            if line.size > _TITLE * usual:
                continue  # the title, which the header repeats
            near = [
                other
                for other_number, other in found[max(index - 2, 0) : index + 3]
                if abs(other_number - number) <= 4 and abs(other.top - line.top) <= _NEAR
            ]
            if everywhere or len(near) >= 3:
                yield line


def _constant(lines: Sequence[Line]) -> str:
    """What they have in common, without the number of the page."""
    words, others = lines[0].text.split(), lines[-1].text.split()
    same = (
        words
        if len(words) != len(others)
        else [word for word, other in zip(words, others, strict=True) if word == other]
    )
    return _PAGE_WORD.sub("", " ".join(same))


def _numbering(found: Sequence[tuple[int, Line]]) -> Iterator[Line]:
    """Lines whose number runs with the pages; a column of figures that ends a page does not."""
    offsets: defaultdict[int, list[Line]] = defaultdict(list)
    for number, line in found:
        offsets[_value(line.text) - number].append(line)
    for lines in offsets.values():
        if len(lines) >= 2:
            yield from lines


def _value(text: str) -> int:
    if match := _NUMBER.search(text):
        return int(match.group()[:9])
    digits = [{"i": 1, "v": 5, "x": 10, "l": 50}[letter] for letter in text.strip().casefold()]
    return sum(-a if a < b else a for a, b in zip(digits, [*digits[1:], 0], strict=True))
