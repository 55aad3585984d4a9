"""The reading order of a page: bands of runs from top to bottom, side by side where a white gutter runs through them.

Consecutive bands are grouped for as long as they leave the same gutters free. A group is text in columns, each read to
its end before the next; or a table without rules, read by row; or, without gutters, plain lines.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from ragkit.ingest.parsers.pdf_tables import Table, drawn_tables, lines_of, table_of_bands
from ragkit.ingest.parsers.pdf_text import Face, Rule, Run, reads_from_right

__all__ = ["Line", "reading_order"]

_MARK = re.compile(r"(?:[^\w\s]|\(?[\dA-Za-z]{1,3}[.)]?|\d+(?:\.\d+)+\.?)$")
_COLUMN_CHARS = 18
_MIN_COLUMN_LINES = 3
_MAX_DEPTH = 4
_GUTTER = 0.8
_SPACE = 2.0
"""Least widths of white between columns, and between a table and what is no part of it; times the height of a line."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it is printed, in points from the lower left corner of the page."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float
    face: Face = ""
    turned: bool = False
    """Against most of the page."""


@dataclass(slots=True)
class _Block:
    """A run, or a table that takes its place in the order."""

    box: tuple[float, float, float, float]
    run: Run | None = None
    table: Table | None = None


@dataclass(slots=True)
class _Group:
    bands: list[list[_Block]] = field(default_factory=list)
    covered: list[Interval] = field(default_factory=list)


def reading_order(runs: Sequence[Run], rules: Sequence[Rule]) -> list[Line | Table]:
    """What stands on a page, in the order in which it is read."""
    if not runs:
        return []
    upright = [run for run in runs if run.turned == runs[0].turned]
    tables, loose = drawn_tables(upright, rules)
    blocks = [_Block((run.left, run.bottom, run.right, run.top), run=run) for run in loose]
    blocks += [_Block(table.box, table=table) for table in tables]
    em = median(run.height for run in upright)
    ordered = _ordered(blocks, rules, em, 0)
    # What is turned, such as a stamp in the margin, is read last and as the file has it.
    return ordered + [replace(_line([run]), turned=True) for run in runs if run.turned != runs[0].turned]


def _ordered(blocks: Sequence[_Block], rules: Sequence[Rule], em: float, depth: int) -> list[Line | Table]:
    items: list[Line | Table] = []
    for group in _groups(_bands(blocks), _GUTTER * em):
        columns = _columns(group, _gutters(group.covered, _GUTTER * em))
        if len(columns) > 1 and depth < _MAX_DEPTH and _is_text_in_columns(columns):
            for column in columns:
                items += _ordered(column, rules, em, depth + 1)
        else:
            for part in _parts(group, _SPACE * em):
                items += _table_or_lines(part, rules, em)
    return items


def _table_or_lines(group: _Group, rules: Sequence[Rule], em: float) -> list[Line | Table]:
    gutters = _gutters(group.covered, _GUTTER * em)
    if len(_columns(group, gutters)) > 1 and (table := _as_table(group, gutters, rules)):
        return [table]
    return [item for band in group.bands for item in _rows(band)]


def _parts(group: _Group, space: float) -> list[_Group]:
    """The group, cut where more white than between the rows of a table lies between two bands."""
    parts: list[_Group] = []
    for band in group.bands:
        top = max(block.box[3] for block in band)
        if parts and min(block.box[1] for block in parts[-1].bands[-1]) - top < space:
            parts[-1].bands.append(band)
        else:
            parts.append(_Group([band]))
    for part in parts:
        part.covered = _union((block.box[0], block.box[2]) for band in part.bands for block in band)
    return parts


def _bands(blocks: Sequence[_Block]) -> list[list[_Block]]:
    """Blocks that stand beside each other, directly or through others between them."""
    bands: list[list[_Block]] = []
    low = 0.0
    for block in sorted(blocks, key=lambda block: -block.box[3]):
        bottom, top = block.box[1], block.box[3]
        margin = 0.25 * (top - bottom) if block.run else 0.0  # lines set tightly overlap a little
        if bands and top - margin > low:
            bands[-1].append(block)
            low = min(low, bottom + margin)
        else:
            bands.append([block])
            low = bottom + margin
    return bands


def _groups(bands: Iterable[list[_Block]], gutter: float) -> list[_Group]:
    groups: list[_Group] = []
    for band in bands:
        covered = _union((block.box[0], block.box[2]) for block in band)
        both = _union([*groups[-1].covered, *covered]) if groups else covered
        before = bool(groups and _gutters(groups[-1].covered, gutter))
        if groups and before == bool(_gutters(both, gutter)) and (before or not _gutters(covered, gutter)):
            groups[-1].bands.append(band)
            groups[-1].covered = both
        else:
            groups.append(_Group([band], covered))
    for group, following in itertools.pairwise(groups):
        _hand_over(group, following, gutter)
    return groups


def _hand_over(group: _Group, following: _Group, gutter: float) -> None:
    """A short line after columns, on one side of the gutters, begins what follows when a space sets it off."""
    while len(group.bands) > 1 and _gutters(group.covered, gutter):
        last, before = group.bands[-1], group.bands[-2]
        space = min(block.box[1] for block in before) - max(block.box[3] for block in last)
        if len(last) > 1 or space < gutter:
            return
        following.bands.insert(0, group.bands.pop())
        group.covered = _union((block.box[0], block.box[2]) for band in group.bands for block in band)


def _union(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _gutters(covered: Sequence[Interval], width: float) -> list[float]:
    """The middle of each white strip between what is covered."""
    return [(left[1] + right[0]) / 2 for left, right in itertools.pairwise(covered) if right[0] - left[1] >= width]


def _columns(group: _Group, gutters: Sequence[float]) -> list[list[_Block]]:
    """What stands between the gutters; a column of bullets or numbers belongs to the one after it."""
    columns: list[list[_Block]] = [[] for _ in range(len(gutters) + 1)]
    for band in group.bands:
        for block in band:
            columns[sum(block.box[0] > gutter for gutter in gutters)].append(block)
    if len(columns) == 2 and all(block.run and _MARK.match(block.run.text) for block in columns[0]):
        return [columns[0] + columns[1]]
    return columns


def _is_text_in_columns(columns: Sequence[Sequence[_Block]]) -> bool:
    """Whether at least two of them have lines like those of running text."""
    texts = 0
    for column in columns:
        rows = [row for band in _bands(column) for row in _rows(band)]
        lengths = [len(row.text) for row in rows if isinstance(row, Line)]
        texts += len(lengths) >= _MIN_COLUMN_LINES and sum(lengths) / len(lengths) >= _COLUMN_CHARS
    return texts >= 2


def _as_table(group: _Group, gutters: Sequence[float], rules: Sequence[Rule]) -> Table | None:
    bands = [[block.run for block in band if block.run] for band in group.bands]
    if any(len(band) != len(blocks) for band, blocks in zip(bands, group.bands, strict=True)):
        return None  # there is a drawn table among them
    return table_of_bands(bands, gutters, rules)


def _rows(band: Sequence[_Block]) -> list[Line | Table]:
    """The lines of a band, and the tables."""
    tables = [block.table for block in band if block.table]
    return [*map(_line, lines_of([block.run for block in band if block.run])), *tables]


def _line(runs: Sequence[Run]) -> Line:
    backwards = sum(reads_from_right(run.text) for run in runs) * 2 > len(runs)
    row = sorted(runs, key=lambda run: run.left, reverse=backwards)
    main = max(row, key=lambda run: len(run.text))
    return Line(
        text=" ".join(run.text for run in row),
        left=min(run.left for run in row),
        right=max(run.right for run in row),
        top=max(run.top for run in row),
        bottom=min(run.bottom for run in row),
        size=main.size,
        face=main.face if all(run.face == main.face for run in row) else "",
    )
