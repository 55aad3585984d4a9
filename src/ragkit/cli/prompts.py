"""`ragkit prompts`: versions, and the aliases that point at them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json, print_table
from ragkit.errors import InputError
from ragkit.types import Example, PromptVersion

__all__ = ["app"]

app = typer.Typer(help="Versions of prompts, and the aliases that point at them.", no_args_is_help=True)


class Part(StrEnum):
    """A part of a prompt."""

    template = "template"
    system = "system"
    examples = "examples"


Name = Annotated[str, typer.Argument(help="From `ragkit prompts list`.")]
Alias = Annotated[str, typer.Option(help="The alias to move.")]


@app.command("list")
def list_prompts(json: Json = False) -> None:
    """Every version of every prompt."""
    with kit() as ragkit:
        found = ragkit.prompts.list()
    if json:
        print_json({"prompts": found})
        return
    rows = [[p.name, str(p.version), ", ".join(p.aliases), p.note, f"{p.created_at:%Y-%m-%d %H:%M}"] for p in found]
    print_table(["name", "version", "aliases", "note", "created"], rows, empty="There is none.")


@app.command()
def show(
    name: Name,
    alias: Annotated[str | None, typer.Option(help="What this alias points at; by default production.")] = None,
    version: Annotated[int | None, typer.Option(help="This version.")] = None,
    part: Annotated[Part, typer.Option(help="Which part of it.")] = Part.template,
    json: Json = False,
) -> None:
    """One version: its template, or another part, as `create` takes it."""
    with kit() as ragkit:
        prompt = ragkit.prompts.show(name, alias=alias, version=version)
    if json:
        print_json(prompt)
    elif part is Part.examples:
        from pydantic import TypeAdapter

        typer.echo(TypeAdapter(tuple[Example, ...]).dump_json(prompt.examples, indent=2).decode())
    else:
        typer.echo(prompt.template if part is Part.template else prompt.system)


@app.command()
def create(
    name: Name,
    file: Annotated[str, typer.Argument(help="The template, or - for standard input.")],
    note: Annotated[str, typer.Option(help="What is different, and why.")] = "",
    system: Annotated[str | None, typer.Option(metavar="FILE", help="What the model is told as the system.")] = None,
    examples: Annotated[
        str | None, typer.Option(metavar="FILE", help='JSON: [{"values": {VARIABLE: TEXT}, "answer": TEXT}].')
    ] = None,
    json: Json = False,
) -> None:
    """Keep a new version; `promote` puts it to work."""
    parts: dict[str, Any] = {"system": _read(system) if system else ""}
    parts["examples"] = _examples(examples) if examples else ()
    with kit() as ragkit:
        _say(ragkit.prompts.create(name, _read(file), note=note, **parts), json)


@app.command()
def promote(
    name: Name,
    version: Annotated[int, typer.Argument(help="Where the alias goes.")],
    alias: Alias = "production",
    json: Json = False,
) -> None:
    """Point an alias at a version."""
    with kit() as ragkit:
        _say(ragkit.prompts.promote(name, version, alias=alias), json)


@app.command()
def rollback(name: Name, alias: Alias = "production", json: Json = False) -> None:
    """Point an alias back at what it pointed at before."""
    with kit() as ragkit:
        _say(ragkit.prompts.rollback(name, alias=alias), json)


@app.command()
def diff(
    name: Name,
    a: Annotated[int, typer.Argument(help="From this version.")],
    b: Annotated[int, typer.Argument(help="To this one.")],
) -> None:
    """What changed between two versions."""
    with kit() as ragkit:
        typer.echo(ragkit.prompts.diff(name, a, b), nl=False)


def _read(file: str) -> str:
    try:
        return typer.get_text_stream("stdin").read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The file {file!r} cannot be read: {error}.") from error


def _examples(file: str) -> tuple[Example, ...]:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(tuple[Example, ...]).validate_json(_read(file))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"The examples in {file!r} cannot be used: {where or 'the file'}: {first['msg']}.",
            hint="`ragkit prompts show NAME --part examples` prints them as they are written.",
        ) from error


def _say(prompt: PromptVersion, json: bool) -> None:
    if json:
        print_json(prompt)
        return
    aliases = f" ({', '.join(prompt.aliases)})" if prompt.aliases else ""
    console().print(f"{prompt.name} version {prompt.version}{aliases}", markup=False)
