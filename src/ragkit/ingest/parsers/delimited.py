"""Tables of delimited text: CSV, TSV and their kin."""

from __future__ import annotations

import csv
import io

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.encoding import decode
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["Delimited"]

_DELIMITERS = ",;\t|"
_FIELD_LIMIT = 10_000_000


class Delimited:
    """Groups of rows, each below the header row."""

    name = "csv/1"
    extensions = frozenset({".csv", ".tsv", ".tab", ".psv"})

    def parse(self, source: Source) -> Parsed:
        text = decode(source.data, name=source.name, encoding=source.options.get("encoding"))
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
        delimiter = source.options.get("delimiter") or _delimiter(text)
        csv.field_size_limit(_FIELD_LIMIT)
        try:
            rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(map(str.strip, row))]
        except csv.Error as error:
            raise ParseFailed(f"{source.name!r} is not a table of delimited text: {error}.") from error
        builder = TextBuilder()
        if rows and max(map(len, rows)) == 1:
            builder.lines("\n".join(row[0] for row in rows))
        else:
            builder.table(rows)
        return builder.parsed(title="", media_type="text/csv")


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into the most columns, equally many in most lines."""
    sample = [line for line in text[:20_000].split("\n") if line.strip()][:50]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter)]
        if not widths or max(widths) < 2:
            continue
        common = max(set(widths), key=widths.count)
        score = widths.count(common) / len(widths) * (common > 1) + common / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best
