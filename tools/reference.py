"""Writes docs/reference, the snapshot of the wire types and measured tables from the code: `python -m tools.reference`.

`pages()` is pure, so that a test can compare what it returns with what is committed.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pydantic

from ragkit import errors, events, excerpts, explanation, history, recorded, rights, settings, types
from tools.interfaces import cell, commands_page, routes_page
from tools.measured import filled, shipped_groundedness

__all__ = ["REPOSITORY", "main", "pages"]

REPOSITORY = Path(__file__).resolve().parent.parent


def pages() -> dict[str, str]:
    """Path below the repository, and the text that belongs there."""
    return {
        "docs/reference/cli.md": _page(commands_page()),
        "docs/reference/errors.md": errors_page(),
        "docs/reference/http.md": _page(routes_page()),
        "docs/reference/settings.md": settings_page(),
        "docs/reference/types.md": types_page(),
        "src/ragkit/evaluate/groundedness.json": shipped_groundedness(),
        "tests/snapshots/types.json": json.dumps(schemas(), indent=1, sort_keys=True) + "\n",
        **filled(),
    }


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Environment variables, or lines of a `.env` file in the working directory; the environment wins.",
        "A value that cannot be used stops the program with the name of its variable.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in settings.Settings.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        shown = "" if default in (None, ()) else f"`{default}`"
        meaning = " ".join(filter(None, (field.description, _range(field.metadata))))
        lines.append(f"| `RAGKIT_{name.upper()}` | {shown} | {cell(meaning)} |")
    return _page(lines)


def _range(metadata: list[Any]) -> str:
    """The limits of a setting, from pydantic's constraints."""
    limits: dict[str, Any] = {}
    for item in metadata:
        names = ("ge", "gt", "le", "pattern")
        limits |= {name: getattr(item, name) for name in names if getattr(item, name, None) is not None}
    if "pattern" in limits:
        return "One of " + ", ".join(f"`{word}`" for word in limits["pattern"].strip("^()$").split("|")) + "."
    words = {"ge": "at least {}", "gt": "above {}", "le": "at most {}"}
    said = ", ".join(words[name].format(limit) for name, limit in limits.items())
    return f"{said.capitalize()}." if said else ""


def errors_page() -> str:
    tree = inspect.cleandoc((errors.__doc__ or "").split("\n\n")[1])
    lines = [
        "# Errors",
        "",
        "One tree for the engine, the service and the SDK: the service writes `code`, `detail`, `hint` and `trace_id`",
        "as `application/problem+json` with the status, and the SDK raises the class again that the engine raised.",
        "The command line prints `error:` and `hint:` on stderr and exits 1.",
        "",
        "```text",
        *tree.splitlines(),
        "```",
        "",
        "| code | status | class | says |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{kind.code}` | {kind.status} | `{kind.__name__}` | {cell(inspect.cleandoc(kind.__doc__ or ''))} |"
        for kind in error_classes()
    ]
    return _page(lines)


def error_classes() -> list[type[errors.RagkitError]]:
    """Every class of the tree, by status."""
    found = [getattr(errors, name) for name in errors.__all__]
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, errors.RagkitError)]
    return sorted(kinds, key=lambda kind: (kind.status, kind.code))


def wire_types() -> dict[str, Any]:
    """Values first, then the events of a stream."""
    modules = (types, history, recorded, rights, explanation, excerpts, events)
    return {
        name: getattr(module, name)
        for module in modules
        for name in module.__all__
        if name[0].isupper() and not name.isupper()
    }


def types_page() -> str:
    lines = [
        "# Types",
        "",
        "What the engine returns is also what travels over HTTP, field by field. Import them from",
        "`ragkit.types`, the history of a corpus from `ragkit.history`, conversations and records of answers from",
        "`ragkit.recorded`, keys from `ragkit.rights`, how a search went from `ragkit.explanation`, parts of a text",
        "from `ragkit.excerpts`, the events of a stream from `ragkit.events`.",
        "Offsets count Unicode code points, spans are half-open, times are UTC.",
        "",
    ]
    for name, kind in wire_types().items():
        lines += [f"## {name}", ""]
        if dataclasses.is_dataclass(kind):
            lines += [*_dataclass(kind), ""]
        elif get_origin(kind) is Literal:
            lines += ["One of " + ", ".join(f"`{value}`" for value in get_args(kind)) + ".", ""]
        else:
            links = [f"[{one.__name__}](#{one.__name__.lower()})" for one in get_args(kind)]
            lines += ["One of " + ", ".join(links) + ".", ""]
    return _page(lines)


def _dataclass(kind: type) -> Iterator[str]:
    doc = inspect.cleandoc(kind.__doc__ or "")
    if not doc.startswith(f"{kind.__name__}("):  # what dataclasses write where nobody wrote anything
        yield from (*doc.splitlines(), "")
    notes = _field_notes(kind)
    yield "| field | type | |"
    yield "|---|---|---|"
    for field in dataclasses.fields(kind):
        note = notes.get(field.name, "")
        yield f"| `{field.name}` | `{cell(str(field.type))}` | {cell(note)} |"


def _field_notes(kind: type) -> dict[str, str]:
    """Field, and the string literal below it: Python keeps no docstrings of fields."""
    body = ast.parse(inspect.getsource(kind)).body[0].body  # type: ignore[attr-defined]
    return {
        ast.unparse(node.target): inspect.cleandoc(below.value.value)
        for node, below in itertools.pairwise(body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def schemas() -> dict[str, Any]:
    """The JSON schema of each wire type, as a service sends it."""
    return {
        name: pydantic.TypeAdapter(kind).json_schema(mode="serialization")
        for name, kind in wire_types().items()
        if dataclasses.is_dataclass(kind)
    }


def _page(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n\n<!-- Written by `make docs`; edit the code instead. -->\n"


def main(root: Path = REPOSITORY) -> None:
    """Write every page below `root`."""
    for path, text in pages().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
