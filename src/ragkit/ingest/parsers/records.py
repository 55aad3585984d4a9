"""JSON and JSON lines as readable `path: value` lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.encoding import decode
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["Json"]

_MAX_DEPTH = 60
_TITLE_KEYS = ("title", "name", "subject", "heading")


class Json:
    """A record, which is an item of a top-level list or a line of JSON lines, is a paragraph; a notebook its cells."""

    name = "json/1"
    extensions = frozenset({".json", ".jsonl", ".ndjson", ".ipynb", ".geojson"})

    def parse(self, source: Source) -> Parsed:
        text = decode(source.data, name=source.name, encoding=source.options.get("encoding"))
        value, broken = _load(text, source.name)
        builder = TextBuilder()
        if isinstance(value, dict) and isinstance(value.get("cells"), list) and "nbformat" in value:
            return _notebook(value["cells"])
        records = value if isinstance(value, list) else [value]
        for record in records:
            builder.lines("\n".join(_lines(record, "", 0)))
        if broken:
            builder.warn(f"{broken} lines are not JSON and were left out")
        return builder.parsed(title=_title(value), media_type="application/json")


def _load(text: str, name: str) -> tuple[Any, int]:
    """The value, and how many lines of a JSON-lines file could not be read."""
    try:
        return json.loads(text), 0
    except RecursionError as error:
        raise ParseFailed(f"{name!r} is nested too deeply to be read.") from error
    except ValueError as error:
        first = error
    records: list[Any] = []
    broken = 0
    for line in filter(str.strip, text.split("\n")):
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError):
            broken += 1
    if not records or broken > len(records):
        raise ParseFailed(f"{name!r} is not JSON: {first}.")
    return records, broken


def _lines(value: object, path: str, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        yield f"{path}: {one_line(json.dumps(value, ensure_ascii=False)[:2000])}"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        yield from _list_lines(value, path, depth)
    else:
        shown = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        text = one_line(shown)
        if text:
            yield f"{path}: {text}" if path else text


def _list_lines(values: list[Any], path: str, depth: int) -> Iterator[str]:
    if all(isinstance(inner, (str, int, float)) for inner in values):
        joined = ", ".join(one_line(str(inner)) for inner in values)
        if joined:
            yield f"{path}: {joined}" if path else joined
        return
    for number, inner in enumerate(values, 1):
        yield from _lines(inner, f"{path}[{number}]", depth + 1)


def _title(value: object) -> str:
    if isinstance(value, dict):
        return next((value[key] for key in _TITLE_KEYS if isinstance(value.get(key), str)), "")
    return ""


def _notebook(cells: list[Any]) -> Parsed:
    from ragkit.ingest.parsers.markdown import write_markdown

    builder = TextBuilder()
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        body = cell.get("source", "")
        text = "".join(map(str, body)) if isinstance(body, list) else str(body)
        if cell.get("cell_type") == "code":
            builder.code(text, "python")
        else:
            write_markdown(builder, text)
    return builder.parsed(title="", media_type="application/x-ipynb+json")
