"""`ragkit collections`: sets of documents that are searched together."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json, print_table

__all__ = ["app"]

app = typer.Typer(help="Sets of documents that are searched together.", no_args_is_help=True)


@app.command("list")
def list_collections(json: Json = False) -> None:
    """All collections."""
    with kit() as ragkit:
        found = ragkit.collections.list()
    if json:
        print_json({"collections": found})
        return
    rows = [[c.name, str(c.documents), str(c.chunks), str(c.generation), c.embedder] for c in found]
    columns = ["name", "documents", "chunks", "generation", "embedder"]
    print_table(columns, rows, empty="There is none yet. `ragkit ingest PATH` makes one.")


@app.command()
def configure(
    name: Annotated[str, typer.Argument(help="From `ragkit collections list`.")],
    untagged: Annotated[
        bool,
        typer.Option(
            "--untagged/--no-untagged",
            help="Whether documents without access tags can be seen by callers that carry some.",
        ),
    ],
) -> None:
    """Say who may see what in a collection."""
    with kit() as ragkit:
        found = ragkit.collections.configure(name, untagged=untagged)
    can = "can" if found.untagged else "cannot"
    console().print(f"In {name!r}, callers with access tags {can} see documents that have none.", markup=False)


@app.command()
def delete(
    name: Annotated[str, typer.Argument(help="From `ragkit collections list`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a collection with all its documents."""
    with kit(one_shot=False) as ragkit:
        if not yes:
            typer.confirm(f"Remove the collection {name!r} with all its documents?", abort=True, err=True)
        documents = ragkit.collections.delete(name)
    console().print(f"Removed {name!r} with {documents} documents.", markup=False)
