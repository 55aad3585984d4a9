"""The pages of the command line and of HTTP, read from the running definitions."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import typer.main

from ragkit import rights, types
from ragkit.app import build
from ragkit.cli import app
from ragkit.service.app import create_service
from ragkit.settings import load

__all__ = ["cell", "commands", "commands_page", "openapi", "routes_page"]

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")


def cell(text: str) -> str:
    """Text that fits into a table."""
    return " ".join(text.split()).replace("|", "\\|")


def commands() -> Iterator[tuple[str, Any, Any]]:
    """(`ragkit documents list`, command, its context) for each command that `--help` shows."""
    root = typer.main.get_command(app)
    return _below(root, root.context_class(root, info_name="ragkit"))


def _below(group: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        own = command.context_class(command, info_name=name, parent=context)
        if hasattr(command, "list_commands"):
            yield from _below(command, own)
        elif not command.hidden:
            yield own.command_path, command, own


def commands_page() -> list[str]:
    """Every command with its parameters, as `--help` says it."""
    lines = [
        "# Command line",
        "",
        "Results go to stdout, logs and progress to stderr. `--json` prints one JSON object, the same that HTTP sends.",
        "The exit code is 0 when it is done, 1 when it failed, 2 when the command was used wrongly.",
        "",
    ]
    for name, command, context in commands():
        usage = command.get_usage(context).removeprefix("Usage:").split()
        lines += [f"## {name}", "", *inspect.cleandoc(command.help or "").splitlines(), ""]
        lines += ["```text", " ".join(usage), "```", ""]
        records = [record for param in command.params if (record := param.get_help_record(context))]
        if records:
            lines += ["| parameter | meaning |", "|---|---|"]
            lines += [f"| `{cell(shown)}` | {cell(meaning)} |" for shown, meaning in records]
            lines += [""]
    return lines


def openapi() -> dict[str, Any]:
    """The description that the service serves at `/openapi.json`."""
    with tempfile.TemporaryDirectory() as home:
        settings = load(home=home)
        return create_service(build(settings), settings).openapi()


def routes_page() -> list[str]:
    """Every route with what it takes and what it returns."""
    described = openapi()
    schemas = described["components"]["schemas"]
    lines = [
        "# HTTP",
        "",
        "Where the service has keys, send one as `Authorization: Bearer KEY`. Every error is",
        "[`application/problem+json`](errors.md). `/docs` of a running service shows the same interactively.",
        "",
    ]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                lines += _route(f"{method.upper()} {path}", operation, schemas)
    return lines


def _route(title: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[str]:
    lines = [f"## {title}", "", *operation.get("description", operation["summary"]).splitlines(), ""]
    lines += [
        f"Needs the role `{role}`.\n" for needed in operation.get("security", ()) for role in needed.get("key", ())
    ]
    rows = [
        _row(param["name"], param["in"], param["schema"] | param, schemas, required=param.get("required", False))
        for param in operation.get("parameters", ())
    ]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(content["schema"], schemas)
        rows += [
            _row(
                name,
                "form" if "form" in media_type else "body",
                field,
                schemas,
                required=name in schema.get("required", ()),
            )
            for name, field in schema.get("properties", {}).items()
        ]
        if "properties" not in schema:
            rows += [f"| | body | `{media_type}` | {'required' if operation['requestBody'].get('required') else ''} |"]
    if rows:
        lines += ["| field | in | type | |", "|---|---|---|---|", *rows, ""]
    for status, reply in operation["responses"].items():
        if status.startswith("2"):  # errors are on a page of their own
            lines += [_reply(status, reply, schemas), ""]
    return lines


def _row(name: str, place: str, field: Mapping[str, Any], schemas: Mapping[str, Any], *, required: bool) -> str:
    notes = ("required" if required else "", field.get("description", ""))
    return f"| `{name}` | {place} | {cell(_kind(field, schemas))} | {cell('. '.join(filter(None, notes)))} |"


def _reply(status: str, reply: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    kinds = {
        media_type: _kind(content["schema"], schemas)
        for media_type, content in reply.get("content", {}).items()
        if content.get("schema")
    }
    shown = [kind if media_type == "application/json" else f"`{media_type}`" for media_type, kind in kinds.items()]
    said = "" if reply["description"] == "Successful Response" else f" {reply['description']}"
    headers = ", ".join(f"`{name}`" for name in reply.get("headers", ()))
    told = f" Headers: {headers}." if headers else ""
    return f"Returns {status}{': ' if shown else ''}{' or '.join(shown)}.{said}{told}"


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schemas[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
    return found


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """A schema in a few words; a type that has a section on the page of types is linked."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    if name in {*types.__all__, *rights.__all__}:
        return f"[`{name}`](types.md#{name.lower()})"
    if fields := _resolved(schema, schemas).get("properties"):
        return "an object of " + ", ".join(f"`{field}` ({_kind(of, schemas)})" for field, of in fields.items())
    if "anyOf" in schema:
        return " or ".join(_kind(part, schemas) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}"
    return "file" if "contentMediaType" in schema else str(schema.get("type", ""))
