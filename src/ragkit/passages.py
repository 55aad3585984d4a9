"""A passage as the units that can be quoted from it: sentences, list items, table rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ragkit.text import sentences

__all__ = ["Unit", "units"]

_NOT_SAYING = re.compile(r"#{1,6}\s|```|~~~|\W*$")
_RULE_ROW = re.compile(r"[|\s:-]+$")
_BULLET = re.compile(r"(?:[-*+•‣◦–]|\(?\d{1,3}[.)]|[a-z]\))\s+")  # noqa: RUF001
_NUMBERED_REFERENCE = re.compile(r"\s*\[\d[\d,;\s–-]*\]")  # noqa: RUF001
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`passage[start:end]`, and what a reader needs to understand it."""

    start: int
    end: int
    said: str
    """On one line, without bullet and reference numbers; a table row as `Header: value; Header: value`."""
    lead: str
    """The header row of its table, or the sentence that introduces its list; empty for a plain sentence."""
    row: bool = False
    """Whether it is a table row."""


def units(passage: str) -> list[Unit]:
    """What the passage says, in order; headings, header rows and code fences say nothing by themselves."""
    found: list[Unit] = []
    header: list[str] | None = None
    lead = ""
    last_end = 0
    for start, end in sentences(passage):
        raw = passage[start:end]
        cells = _cells(raw)
        if cells is None:
            header = None
            if _NOT_SAYING.match(raw):
                lead = ""
                continue
            is_item = bool(_BULLET.match(raw))
            found.append(Unit(start=start, end=end, said=_one_line(raw), lead=lead if is_item else ""))
            if not is_item:
                lead = raw if raw.endswith(":") else ""
        elif header is None or passage.count("\n", last_end, start) > 1:
            header = cells
        elif not _RULE_ROW.match(raw):
            found.append(Unit(start=start, end=end, said=_as_pairs(header, cells), lead=" | ".join(header), row=True))
        last_end = end
    return found


def _cells(row: str) -> list[str] | None:
    if not (row.startswith("|") and row.endswith("|") and len(row) > 1):
        return None
    return [cell.strip() for cell in row[1:-1].split("|")]


def _as_pairs(header: list[str], cells: list[str]) -> str:
    names = header + [""] * (len(cells) - len(header))
    pairs = (f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell)
    return _one_line("; ".join(pairs))


def _one_line(raw: str) -> str:
    return _SPACES.sub(" ", _NUMBERED_REFERENCE.sub("", _BULLET.sub("", raw, count=1))).strip()
