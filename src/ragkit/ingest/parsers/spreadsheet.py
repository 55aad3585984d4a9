"""Excel workbooks: each sheet a heading, each block of cells a table."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.limits import Limits
from ragkit.ingest.parsers.package import checked_package, properties
from ragkit.ingest.parsers.partition import partitioner, write_elements
from ragkit.parsed import Parsed
from ragkit.protocols import Source

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["MAX_COLUMNS", "MAX_ROWS", "LegacySpreadsheet", "Spreadsheet", "write_rows"]

MAX_COLUMNS = 200
MAX_ROWS = 200_000
_MAX_MERGED = 2000
_LARGE = 30_000_000
"""Bytes of XML; openpyxl needs some fifty times as much memory for a sheet that it does not stream."""
_BLANK_FORMULA = re.compile(rb"</f>\s*(?:<v\s*/>|<v></v>|</c>)")


class Spreadsheet:
    """Values as they are shown, rounded to what a reader sees; a formula that was never computed as itself.

    openpyxl instead of unstructured, which takes a sheet apart into loose texts and loses merged cells.
    """

    name = "xlsx/2"
    extensions = frozenset({".xlsx", ".xlsm", ".xltx"})

    def parse(self, source: Source) -> Parsed:
        import openpyxl

        data = checked_package(source)
        metadata = properties(data)
        builder = TextBuilder()
        large = _sheet_bytes(data) > _LARGE
        with warnings.catch_warnings():
            # About features that carry no text: data validation, conditional formats, print settings.
            warnings.simplefilter("ignore")
            values = openpyxl.load_workbook(io.BytesIO(data), data_only=True, read_only=large)
            blank = not large and _has_blank_formula(data)
            formulas = openpyxl.load_workbook(io.BytesIO(data)) if blank else values
            Limits.of(source).check_pages(len(values.worksheets), name=source.name, kind="sheets")
            for sheet in values.worksheets:
                rows = _streamed(sheet) if large else _rows(sheet, formulas[sheet.title])
                _write_sheet(builder, sheet, rows)
        title = metadata.pop("title", "")
        media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return builder.parsed(title=title, media_type=media_type, metadata=metadata)


class LegacySpreadsheet:
    """Excel before 2007, read by unstructured."""

    name = "xls/1"
    extensions = frozenset({".xls"})

    def parse(self, source: Source) -> Parsed:
        builder = TextBuilder()
        elements = partitioner("xlsx")(file=io.BytesIO(source.data), find_subtable=False)
        for sheet, parts in groupby(elements, key=lambda element: element.metadata.page_name):
            builder.heading(1, sheet or "")
            write_elements(builder, parts)
        return builder.parsed(title="", media_type="application/vnd.ms-excel")


def _has_blank_formula(data: bytes) -> bool:
    """A workbook that a program wrote has formulas without values until a spreadsheet program opens it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        return any(_BLANK_FORMULA.search(archive.read(name)) for name in sheets)


def _sheet_bytes(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(member.file_size for member in archive.infolist() if member.filename.startswith("xl/worksheets/"))


def _write_sheet(builder: TextBuilder, sheet: Worksheet, cells: Iterator[list[str]]) -> None:
    rows = list(cells)
    if not any(any(row) for row in rows):
        return
    builder.heading(1, sheet.title)
    for limit, count, kind in ((MAX_ROWS, len(rows), "rows"), (MAX_COLUMNS, sheet.max_column or 0, "columns")):
        if count > limit:
            builder.warn(f"sheet {sheet.title!r} has more than {limit} {kind}; the rest was left out")
    write_rows(builder, rows[:MAX_ROWS])


def write_rows(builder: TextBuilder, rows: Sequence[Sequence[str]]) -> None:
    """Write the cells of a sheet: each run of rows between blank ones is a table, or a line where it is but one."""
    for block in _blocks(rows):
        if len(block) == 1 or max(map(len, block)) == 1:
            for row in block:
                builder.paragraph(" ".join(filter(None, row)))
        else:
            builder.table(block)


def _rows(sheet: Worksheet, formulas: Worksheet) -> Iterator[list[str]]:
    merged = _merged(sheet)
    bounds = {"max_row": min(sheet.max_row or 1, MAX_ROWS + 1), "max_col": min(sheet.max_column or 1, MAX_COLUMNS)}
    for cells, written in zip(sheet.iter_rows(**bounds), formulas.iter_rows(**bounds), strict=True):
        row = []
        for cell, other in zip(cells, written, strict=True):
            value = cell.value if cell.value is not None else other.value
            if value is None and (cell.row, cell.column) in merged:
                value = merged[cell.row, cell.column]
            row.append(_shown(value, cell))
        yield row


def _streamed(sheet: Worksheet) -> Iterator[list[str]]:
    """Row by row, without what a whole sheet must be in memory for: merged cells, and formulas without a value."""
    for cells in sheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS):
        # Most rows end long before the last column.
        width = max((place for place, cell in enumerate(cells, start=1) if cell.value is not None), default=0)
        yield [_shown(cell.value, cell) for cell in cells[:width]]


def _merged(sheet: Worksheet) -> dict[tuple[int, int], Any]:
    """The value of a cell merged downwards, for each row that it spans."""
    values: dict[tuple[int, int], Any] = {}
    for area in list(sheet.merged_cells.ranges)[:_MAX_MERGED]:
        if area.min_col == area.max_col or area.min_row != area.max_row:
            top = sheet.cell(area.min_row, area.min_col).value
            for row in range(area.min_row, min(area.max_row, area.min_row + 1000) + 1):
                values[row, area.min_col] = top
    return values


def _blocks(rows: Sequence[Sequence[str]]) -> Iterator[list[list[str]]]:
    """Runs of rows between blank ones, without the columns that are blank in all of them."""
    block: list[Sequence[str]] = []
    for row in [*rows, ()]:
        if any(row):
            block.append(row)
        elif block:
            width = max(map(len, block))
            filled = [[*line, *[""] * (width - len(line))] for line in block]
            used = [column for column in range(width) if any(line[column] for line in filled)]
            yield [[line[column] for column in used] for line in filled]
            block = []


def _shown(value: object, cell: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return _number(value, cell.number_format or "")
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value).strip()


def _number(value: float, shape: str) -> str:
    if "%" in shape and abs(value) < 1e6:
        return f"{round(value * 100, 4):g}%"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(round(value, 10)) if isinstance(value, float) else str(value)
