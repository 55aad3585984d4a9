"""The line of each key of a TOML file, for error messages: `tomllib` tells values only."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator

__all__ = ["KeyPath", "key_lines"]

KeyPath = tuple[str | int, ...]
"""Keys and the indices of list entries, from the outside in."""


def key_lines(toml: str) -> dict[KeyPath, int]:
    """The line, from 1, on which each key and each entry of a list begins.

    A statement is over where its lines are valid TOML by themselves, so that the grammar stays `tomllib`'s alone.

    Args:
        toml: A valid document without arrays of tables.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    statement = ""
    begins = 1
    for number, line in enumerate(toml.replace("\r\n", "\n").split("\n"), start=1):
        statement += line + "\n"
        values = _loads(statement)
        # Within a list of several lines, closing it shows which entries are complete.
        found = list(_paths(values if values is not None else _loads(statement + "]")))
        header = statement.lstrip().startswith("[")
        for path in found:
            lines.setdefault((() if header else table) + path, number if isinstance(path[-1], int) else begins)
        if values is not None:
            table = max(found, key=len, default=table) if header else table
            statement, begins = "", number + 1
    return lines


def _loads(toml: str) -> dict[str, object] | None:
    with contextlib.suppress(tomllib.TOMLDecodeError):
        return tomllib.loads(toml)
    return None


def _paths(value: object, above: KeyPath = ()) -> Iterator[KeyPath]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield (*above, key)
        yield from _paths(each, (*above, key))
