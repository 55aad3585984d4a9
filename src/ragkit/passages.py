"""A passage as the units that can be quoted from it: sentences, list items, table rows, records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ragkit.protocols import Embedder
from ragkit.references import REFERENCE
from ragkit.text import sentences

__all__ = ["Kind", "Unit", "clipped", "units"]

Kind = Literal["prose", "row", "record", "label", "heading"]
"""A record is a block of `key: value` lines; a label is a short line that ends like a title, not like a sentence."""

LONG = 400
"""A sentence of more characters that has line breaks is no prose: a listing, code, a table without rules."""
LONG_RECORD = 600
"""A record of more characters is taken line by line."""
LABEL_WORDS = 12
"""A label has no more words."""

_MUTE = re.compile(r"```|~~~|\W*$")
_HEADING = re.compile(r"#{1,6}\s")
_RULE_ROW = re.compile(r"[|\s:-]+$")
_BULLET = re.compile(r"(?:[-*+•‣◦–]|\(?\d{1,3}[.)]|[a-z]\))\s+")  # noqa: RUF001
_CLOSED = re.compile(r"[.!?:;…。！？][\"'”’»)\]*_]*$")  # noqa: RUF001
_REFERENCE = re.compile(rf"\s*{REFERENCE}", re.IGNORECASE)
_QUANTITY = re.compile(
    r"\[(\d{1,3})\](?=\s*(?:[%€$]|(?:hours?|days?|weeks?|months?|years?|stunden?|tage?n?|wochen?|monate?n?|jahre?n?)\b))",
    re.IGNORECASE,
)
_KEY_VALUE = re.compile(r"^[ \t]*\w[\w.\[\]-]*(?: [\w-]+){0,3}[ \t]*[:=][ \t]+\S", re.MULTILINE)
_PARAGRAPH = re.compile(r"\S(?:.|\n(?![ \t]*(?:\n|$)))*")
_LINE = re.compile(r"\S[^\n]*")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`passage[start:end]`, and what a reader needs to understand it."""

    start: int
    end: int
    kind: Kind
    said: str
    """On one line, without bullet and reference numbers; a table row as `Header: value; Header: value`."""
    lead: str = ""
    """The header row of its table, or the sentence that introduces its list; empty for a plain sentence."""
    heading: str = ""
    """The heading above it, where that is in the passage too."""


def units(passage: str) -> list[Unit]:
    """What the passage says, in order; header rows and code fences are no units."""
    found: list[Unit] = []
    header: list[str] | None = None
    lead = heading = ""
    last_end = 0
    for start, end, kind in _spans(passage):
        raw = passage[start:end]
        cells = _cells(raw)
        if cells is None:
            header = None
            if _MUTE.match(raw):
                continue
            said, is_item = _said(raw, kind), bool(_BULLET.match(raw))
            found.append(
                Unit(start=start, end=end, kind=kind, said=said, lead=lead if is_item else "", heading=heading)
            )
            heading = said if kind == "heading" else heading
            lead = lead if is_item else raw if raw.endswith(":") else ""
        elif header is None or _is_caption(header) or passage.count("\n", last_end, start) > 1:
            header = cells
        elif not _RULE_ROW.match(raw):
            said, names = _as_pairs(header, cells), " | ".join(header)
            found.append(Unit(start=start, end=end, kind="row", said=said, lead=names, heading=heading))
        last_end = end
    return found


def clipped(text: str, embedder: Embedder) -> str:
    """As much of the beginning as the embedder reads; a longer text it refuses."""
    limit = embedder.spec.max_tokens
    # No token is shorter than a character, so most texts need no counting.
    spans = () if len(text) <= limit else embedder.tokenizer.spans(text)
    return text[: spans[limit - 1][1]] if len(spans) > limit else text


def _spans(passage: str) -> Iterator[tuple[int, int, Kind]]:
    for paragraph in _PARAGRAPH.finditer(passage):
        base, raw = paragraph.start(), paragraph.group().rstrip()
        lines = list(_LINE.finditer(raw))
        if len(lines) > 1 and 2 * len(_KEY_VALUE.findall(raw)) > len(lines):
            whole = [(0, len(raw))] if len(raw) <= LONG_RECORD else [line.span() for line in lines]
            yield from ((base + start, base + end, "record") for start, end in whole)
            continue
        for start, end in sentences(raw):
            yield from _prose(raw[start:end], base + start, alone=(start, end) == (0, len(raw)))


def _prose(raw: str, start: int, *, alone: bool) -> Iterator[tuple[int, int, Kind]]:
    if "\n" in raw and len(raw) > LONG:
        yield from ((start + line.start(), start + line.end(), "prose") for line in _LINE.finditer(raw))
        return
    is_label = alone and not _CLOSED.search(raw) and not _BULLET.match(raw) and len(raw.split()) <= LABEL_WORDS
    kind: Kind = "heading" if _HEADING.match(raw) else "label" if is_label else "prose"
    yield start, start + len(raw), kind


def _is_caption(cells: list[str]) -> bool:
    """Whether a first row holds the title of the table instead of the names of its columns."""
    return len(cells) > 1 and sum(map(bool, cells)) == 1


def _cells(row: str) -> list[str] | None:
    if not (row.startswith("|") and row.endswith("|") and len(row) > 1):
        return None
    return [cell.strip() for cell in row[1:-1].split("|")]


def _as_pairs(header: list[str], cells: list[str]) -> str:
    names = header + [""] * (len(cells) - len(header))
    pairs = (f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell)
    return _one_line("; ".join(pairs))


def _said(raw: str, kind: Kind) -> str:
    if kind == "record":
        return _one_line("; ".join(line.strip() for line in raw.splitlines()))
    return _one_line(raw.lstrip("# ") if kind == "heading" else raw)


def _one_line(raw: str) -> str:
    bullet = _BULLET.match(raw)
    text = raw[bullet.end() :] if bullet else raw
    # `within [30] days` is no reference, and must not look like one where it is quoted.
    return _SPACES.sub(" ", _REFERENCE.sub("", _QUANTITY.sub(r"\1", text))).strip()
