"""Tables on a page: cells between drawn lines, or columns between white gutters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from ragkit.ingest.parsers.pdf_text import MARK, Rule, Run, Word, reads_from_right

__all__ = ["Table", "drawn_tables", "lines_of", "table_of_bands"]

_T = TypeVar("_T", Word, Run)
_NEAR = 3.0
_MAX_RULES = 1200
_MIN_USED = 0.15
_MIN_FILLED = 0.35
_MAX_CELL_CHARS = 90
_MAX_LINES_A_ROW = 4


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equally many cells."""

    rows: list[list[str]]
    box: tuple[float, float, float, float]
    """Left, bottom, right, top."""
    size: float
    """Of its letters, as of a line's."""


def drawn_tables(runs: Sequence[Run], rules: Sequence[Rule]) -> tuple[list[Table], list[Run]]:
    """Tables whose cells are drawn, and the runs that stand in none of them."""
    tables: list[Table] = []
    loose = list(runs)
    for grid in _grids(rules):
        rows: dict[int, list[Run]] = {}
        for run in loose:
            if grid.holds(*_middle(run)):
                rows.setdefault(grid.cell(*_middle(run))[1], []).append(run)
        filled = {grid.cell(*_middle(run)) for runs in rows.values() for run in runs}
        if len(filled) < _MIN_USED * (len(grid.xs) - 1) * (len(grid.ys) - 1):
            continue  # a drawing with a few labels
        for part in _simple_rows(rows, grid):
            if table := _filled(part, grid):
                tables.append(table)
                taken = {id(run) for row in part for run in row}
                loose = [run for run in loose if id(run) not in taken]
    return tables, loose


def table_of_bands(bands: Sequence[Sequence[Run]], gutters: Sequence[float], rules: Sequence[Rule]) -> Table | None:
    """A table of the bands that a group of gutters crosses; None where they are no rows of cells."""
    runs = [run for band in bands for run in band]
    box = _box(runs)
    separators = sorted(
        (rule.at for rule in rules if rule.horizontal and box[1] < rule.at < box[3] and _covers(rule, box)),
        reverse=True,
    )
    groups = _between(bands, separators) or _by_first_column(bands, gutters)
    rows = [[_text(cell) for cell in _cells(group, gutters)] for group in groups]
    filled = [sum(map(bool, row)) for row in rows]
    full = sum(count >= 2 for count in filled)
    longest = max(len(cell) for row in rows for cell in row)
    if len(rows) < 2 or full < 0.6 * len(rows) or longest > 4 * _MAX_CELL_CHARS:
        return None
    return Table(rows, box, runs[0].size)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Lines that cross each other: where they stand, and which parts of them are drawn."""

    xs: list[float]
    ys: list[float]
    flat: list[Rule]
    steep: list[Rule]

    def holds(self, x: float, y: float) -> bool:
        return self.xs[0] < x < self.xs[-1] and self.ys[-1] < y < self.ys[0]

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Column and row, from the top left; a cell that spans several is the first of them."""
        column = min(max(sum(x > edge for edge in self.xs) - 1, 0), len(self.xs) - 2)
        row = min(max(sum(y < edge for edge in self.ys) - 1, 0), len(self.ys) - 2)
        while row and not _drawn(self.flat, self.ys[row], (self.xs[column] + self.xs[column + 1]) / 2):
            row -= 1
        while column and not _drawn(self.steep, self.xs[column], (self.ys[row] + self.ys[row + 1]) / 2):
            column -= 1
        return column, row


def _grids(rules: Sequence[Rule]) -> list[_Grid]:
    """Each connected grid with at least two rows and two columns; the largest first."""
    if len(rules) > _MAX_RULES:
        return []
    flat, steep = _joined(rule for rule in rules if rule.horizontal), _joined(r for r in rules if not r.horizontal)
    parts: list[tuple[list[Rule], list[Rule]]] = []
    for rule in flat:
        crossing = [other for other in steep if _cross(rule, other)]
        touched = [part for part in parts if any(other in part[1] for other in crossing)]
        parts = [part for part in parts if not any(part is other for other in touched)]
        for part in touched:
            crossing += [other for other in part[1] if other not in crossing]
        parts.append(([rule, *(each for part in touched for each in part[0])], crossing))
    grids = [
        _Grid(
            _places([rule.at for rule in steep], flat),
            _places([rule.at for rule in flat], steep)[::-1],
            flat,
            steep,
        )
        for flat, steep in parts
        if steep
    ]
    grids = [grid for grid in grids if len(grid.xs) > 2 and len(grid.ys) > 2]
    return sorted(grids, key=lambda grid: (grid.xs[0] - grid.xs[-1]) * (grid.ys[0] - grid.ys[-1]))


def _joined(rules: Iterable[Rule]) -> list[Rule]:
    """Rules drawn piece by piece, as whole ones."""
    whole: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: (round(rule.at), rule.low)):
        last = whole[-1] if whole else None
        if last and abs(rule.at - last.at) <= 1 and rule.low <= last.high + _NEAR:
            whole[-1] = Rule(last.horizontal, last.at, last.low, max(rule.high, last.high))
        else:
            whole.append(rule)
    return whole


def _cross(flat: Rule, steep: Rule) -> bool:
    across = flat.low - _NEAR <= steep.at <= flat.high + _NEAR
    return across and steep.low - _NEAR <= flat.at <= steep.high + _NEAR


def _places(places: Sequence[float], crossing: Sequence[Rule]) -> list[float]:
    """Where lines stand, those close together once; the ends of what crosses them are the frame, drawn or not."""
    found: list[float] = []
    for place in sorted([*places, min(rule.low for rule in crossing), max(rule.high for rule in crossing)]):
        if not found or place - found[-1] > _NEAR:
            found.append(place)
    return found


def _drawn(rules: Sequence[Rule], at: float, place: float) -> bool:
    return any(abs(rule.at - at) <= _NEAR and rule.low <= place <= rule.high for rule in rules)


def _simple_rows(rows: Mapping[int, list[Run]], grid: _Grid) -> list[list[list[Run]]]:
    """Rows that follow one another, without those that have a table without rules in one of their cells."""
    parts: list[list[list[Run]]] = [[]]
    for _, runs in sorted(rows.items()):
        cells: dict[int, list[Run]] = {}
        for run in runs:
            cells.setdefault(grid.cell(*_middle(run))[0], []).append(run)
        if any(sum(len(line) > 1 for line in lines_of(cell)) > 1 for cell in cells.values()):
            parts.append([])
        else:
            parts[-1].append(runs)
    return parts


def _filled(rows: Sequence[Sequence[Run]], grid: _Grid) -> Table | None:
    """The words in their cells; None for a drawing that has hardly any."""
    lines: list[dict[int, list[Word]]] = []
    for runs in rows:
        cells: dict[int, list[Word]] = {}
        for run in runs:
            for word in run.words:
                column, _ = grid.cell((word.left + word.right) / 2, (word.bottom + word.top) / 2)
                cells.setdefault(column, []).append(word)
        lines += _split(cells)
    columns = sorted({column for line in lines for column in line})
    if len(lines) < 2 or len(columns) < 2 or sum(map(len, lines)) < _MIN_FILLED * len(lines) * len(columns):
        return None
    runs = [run for row in rows for run in row]
    _, bottom, _, top = _box(runs)
    texts = [[_text(line.get(column, [])) for column in columns] for line in lines]
    return Table(texts, (grid.xs[0], bottom, grid.xs[-1], top), median(run.size for run in runs))


def _split(cells: dict[int, list[Word]]) -> list[dict[int, list[Word]]]:
    """A row of cells with equally many lines is as many rows, between which nothing is drawn; lists are not."""
    lines = {column: lines_of(words) for column, words in cells.items()}
    counts = {len(each) for each in lines.values()}
    if any(MARK.fullmatch(word.text) for each in lines.values() for line in each for word in line):
        return [cells]
    if len(lines) < 2 or len(counts) > 1 or counts == {1} or counts == {2}:
        return [cells]
    return [{column: each[index] for column, each in lines.items()} for index in range(counts.pop())]


def _between(bands: Sequence[Sequence[Run]], separators: Sequence[float]) -> list[list[Run]] | None:
    """Rows as horizontal lines separate them; None where they do not separate each one."""
    rows: list[list[Run]] = [[] for _ in range(len(separators) + 1)]
    counts = [0] * len(rows)
    for band in bands:
        middle = _middle(band[0])[1]
        row = sum(middle < at for at in separators)
        rows[row] += band
        counts[row] += 1
    if len(separators) < 2 or max(counts) > _MAX_LINES_A_ROW:
        return None
    return [row for row in rows if row]


def _by_first_column(bands: Sequence[Sequence[Run]], gutters: Sequence[float]) -> list[list[Run]]:
    """A row for each band; one that has nothing in its first column goes on with the row before."""
    rows: list[list[Run]] = []
    for band in bands:
        if rows and gutters and min(run.left for run in band) > gutters[0]:
            rows[-1] += band
        else:
            rows.append(list(band))
    return rows


def _cells(runs: Iterable[Run], gutters: Sequence[float]) -> list[list[Word]]:
    cells: list[list[Word]] = [[] for _ in range(len(gutters) + 1)]
    for run in runs:
        for word in run.words:
            cells[sum(word.left > gutter for gutter in gutters)].append(word)
    return cells


def _text(words: Sequence[Word]) -> str:
    """The words of a cell, line by line."""
    backwards = sum(reads_from_right(word.text) for word in words) * 2 > len(words)
    lines = (sorted(line, key=lambda word: word.left, reverse=backwards) for line in lines_of(words))
    return " ".join(word.text for line in lines for word in line)


def lines_of(parts: Sequence[_T]) -> list[list[_T]]:
    """Words or runs as the lines on which they stand, from the top."""
    lines: list[list[_T]] = []
    for part in sorted(parts, key=lambda part: -(part.top + part.bottom)):
        if lines and lines[-1][0].bottom < (part.top + part.bottom) / 2 < lines[-1][0].top:
            lines[-1].append(part)
        else:
            lines.append([part])
    return lines


def _middle(run: Run) -> tuple[float, float]:
    return (run.left + run.right) / 2, (run.bottom + run.top) / 2


def _box(runs: Sequence[Run]) -> tuple[float, float, float, float]:
    return (
        min(run.left for run in runs), min(run.bottom for run in runs),
        max(run.right for run in runs), max(run.top for run in runs),
    )  # fmt: skip


def _covers(rule: Rule, box: tuple[float, float, float, float]) -> bool:
    return min(rule.high, box[2]) - max(rule.low, box[0]) > 0.6 * (box[2] - box[0])
