"""Builds the text of a document block by block, and the spans over it as it grows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from ragkit.parsed import Heading, Page, Parsed

__all__ = ["TABLE_GROUP_CHARS", "TABLE_GROUP_ROWS", "TextBuilder", "clean_stem", "normalise", "one_line", "pages_have"]

TABLE_GROUP_ROWS = 20
TABLE_GROUP_CHARS = 600
"""A long table is written as groups of at most this many rows and characters, each below the header row."""

_DROPPED = [*range(0x09), 0x0E, 0x0F, *range(0x10, 0x20), 0x7F, 0xAD, 0x200B, 0xFEFF, 0xFFFE, 0xFFFF]
_LINE_BREAKS = dict.fromkeys([0x0B, 0x0C, 0x85, 0x2028, 0x2029], "\n")
_SPACES_OF_A_KIND = dict.fromkeys([0xA0, 0x2007, 0x202F], " ")
_CONTROL = dict.fromkeys([*_DROPPED, *range(0xD800, 0xE000)]) | _LINE_BREAKS | _SPACES_OF_A_KIND
_HAS_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f\x85\xa0\xad\u200b\u2007\u2028\u2029\u202f\ufeff\ufffe\uffff\ud800-\udfff]"
)
_SPACES = re.compile(r"[ \t\n]+")
_TRAILING = re.compile(r"(?<![ \t])[ \t]++(?=\n)")  # one try a run of blanks, however long it is
_BLANK_LINES = re.compile(r"\n{3,}")


def normalise(text: str) -> str:
    r"""NFC, newlines as `\n`, no control characters, soft hyphens or lone surrogates, no-break spaces as spaces."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text.translate(_CONTROL) if _HAS_CONTROL.search(text) else text
    if _HAS_CONTROL.search(text):
        text = text.translate(_CONTROL)
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """`text` with every run of white space as one space."""
    return _SPACES.sub(" ", normalise(text)).strip()


def clean_stem(name: str) -> str:
    """A title made of a file name, for a document that has no other: `q3_report-final.pdf` gives `q3 report final`."""
    stem = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem = stem.rsplit(".", 1)[0] or stem
    return one_line(re.sub(r"[_\-]+", " ", stem)) or name


def _table_groups(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as Markdown rows without the rule below the header, the header repeated above each group of rows.

    Repeated, so that a passage cut from the middle of a long table still says what its columns are.
    """
    lines = [_row(row) for row in rows]
    header, groups, size = lines[0], [[lines[0]]], len(lines[0])
    repeat = len(header) <= TABLE_GROUP_CHARS // 2
    for line in lines[1:]:
        full = len(groups[-1]) > TABLE_GROUP_ROWS or size + len(line) > TABLE_GROUP_CHARS
        if full and len(groups[-1]) > 1:
            groups.append([header] if repeat else [])
            size = len(header) if repeat else 0
        groups[-1].append(line)
        size += len(line) + 1
    return ["\n".join(group) for group in groups]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(one_line(cell).replace("|", "¦") for cell in cells) + " |"


def pages_have(numbers: Sequence[int]) -> str:
    """`Page 3 has` or `Pages 3-5, 9 have`: numbers in order, those in a row as a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    named = ", ".join("-".join(map(str, run)) for run in runs)
    return f"Page {named} has" if len(numbers) == 1 else f"Pages {named} have"


class TextBuilder:
    """Collects blocks, separated by a blank line, and remembers where headings and pages begin."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._page_starts: list[tuple[int, int]] = []
        self._warnings: list[str] = []
        self._needs_ocr: tuple[int, ...] = ()
        self._last_item = False

    def __len__(self) -> int:
        """Characters written so far."""
        return self._length

    @property
    def headed(self) -> bool:
        """Whether there is a heading."""
        return bool(self._headings)

    def _append(self, block: str, separator: str = "\n\n") -> int:
        block = block.strip("\n")
        if self._parts:
            self._parts.append(separator)
            self._length += len(separator)
        start = self._length
        self._parts.append(block)
        self._length += len(block)
        self._last_item = False
        return start

    def heading(self, level: int, title: str, *, mark: bool = True) -> None:
        """A heading line, written `## title`; `mark=False` writes the title alone."""
        title = one_line(title)
        if not title:
            return
        level = min(max(level, 1), 6)
        start = self._append(f"{'#' * level} {title}" if mark else title)
        self._headings.append(Heading(level=level, title=title, start=start))

    def paragraph(self, text: str) -> None:
        """Text whose line breaks carry no meaning."""
        if text := one_line(text):
            self._append(text)

    def item(self, text: str, *, depth: int = 0, bullet: str = "- ") -> None:
        """A list item; items that follow one another stay on lines next to each other."""
        if text := one_line(text):
            together = "\n" if self._last_item else "\n\n"
            self._append("  " * depth + bullet + text, together)
            self._last_item = True

    def end_list(self) -> None:
        """An item that follows begins another list."""
        self._last_item = False

    def lines(self, text: str) -> None:
        """Text whose line breaks are kept."""
        text = _BLANK_LINES.sub("\n\n", _TRAILING.sub("", normalise(text) + "\n"))
        if text.strip():
            self._append(text.rstrip())

    def continued(self, text: str) -> None:
        """The rest of the paragraph before, which a page break has cut in two."""
        self._append(normalise(text).strip(), "\n")

    def code(self, text: str, language: str = "") -> None:
        """A block kept as it is, between fences."""
        text = normalise(text).strip("\n").rstrip()
        if text.strip():
            self._append(f"```{language}\n{text}\n```")

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """A table, in groups of rows; a title that fills its first rows becomes a paragraph."""
        kept = [row for row in rows if any(cell.strip() for cell in row)]
        while len(kept) > 1 and len(kept[0]) > 1 and not any(map(str.strip, kept[0][1:])):
            self.paragraph(kept.pop(0)[0])
        if kept:
            for group in _table_groups(kept):
                self._append(group)

    def verbatim(self, text: str, headings: Iterable[Heading] = ()) -> None:
        """Normalised text that brings its own headings, with offsets from its beginning."""
        start = self._append(text)
        self._headings.extend(Heading(level=h.level, title=h.title, start=h.start + start) for h in headings)

    def page(self, number: int) -> None:
        """What follows is on this page."""
        self._page_starts.append((number, self._length))

    def warn(self, warning: str) -> None:
        """Something that the reader of the report should know."""
        self._warnings.append(warning)

    def needs_ocr(self, numbers: Sequence[int], advice: str) -> None:
        """These pages have no text; `advice` says how it could be read."""
        self._needs_ocr += tuple(numbers)
        if numbers:
            self.warn(f"{pages_have(numbers)} no text; {advice}")

    def parsed(self, *, title: str, media_type: str, metadata: Mapping[str, str] | None = None) -> Parsed:
        """The document; an empty `title` falls back to its first heading of the highest level."""
        text = "".join(self._parts)
        kept = {key: one_line(value) for key, value in (metadata or {}).items() if value and value.strip()}
        return Parsed(
            text=text,
            title=one_line(title) or self._first_heading(),
            media_type=media_type,
            pages=self._pages(len(text)),
            headings=tuple(self._headings),
            metadata=kept,
            warnings=tuple(self._warnings),
            needs_ocr=self._needs_ocr,
        )

    def _first_heading(self) -> str:
        return min(self._headings, key=lambda heading: heading.level).title if self._headings else ""

    def _pages(self, end: int) -> tuple[Page, ...]:
        """Contiguous: a page runs to the start of the next one."""
        numbers = [number for number, _ in self._page_starts]
        edges = [0, *(start for _, start in self._page_starts[1:]), end]
        return tuple(
            Page(number=number, start=start, end=stop)
            for number, (start, stop) in zip(numbers, pairwise(edges), strict=False)
        )
