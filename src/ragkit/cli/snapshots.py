"""`ragkit snapshots`: what a collection answered from earlier, and going back to it."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Collection, Json
from ragkit.cli.output import console, print_json, print_table

__all__ = ["app"]

app = typer.Typer(help="What a collection answered from earlier, and going back to it.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(min=1, help="From `ragkit snapshots list`.")]


@app.command("list")
def list_snapshots(collection: Collection = None, json: Json = False) -> None:
    """The snapshots of a collection, newest first."""
    with kit() as ragkit:
        found = ragkit.snapshots.list(collection)
    if json:
        print_json({"snapshots": found})
        return
    rows = [[str(s.number), str(s.documents), f"{s.created_at:%Y-%m-%d %H:%M}", s.sha256[:12], s.note] for s in found]
    columns = ["number", "documents", "created", "sha256", "note"]
    print_table(columns, rows, empty="There is none yet: a run that changes something makes one.")


@app.command()
def show(number: Number, collection: Collection = None, json: Json = False) -> None:
    """The documents of a snapshot: which version of each, and whether it is still kept."""
    with kit() as ragkit:
        found = ragkit.snapshots.show(number, collection=collection)
    if json:
        print_json({"entries": found})
        return
    rows = [
        [e.uri, e.document_id, e.version[:12], "deleted" if e.erased_at else "kept" if e.kept else "expired"]
        for e in found
    ]
    print_table(["uri", "id", "version", "text"], rows, empty="There was no document.")


@app.command()
def diff(
    a: Annotated[int, typer.Argument(min=1, help="From this snapshot.")],
    b: Annotated[int, typer.Argument(min=1, help="To this one.")],
    collection: Collection = None,
    json: Json = False,
) -> None:
    """What changed between two snapshots."""
    with kit() as ragkit:
        found = ragkit.snapshots.diff(a, b, collection=collection)
    if json:
        print_json(found)
        return
    rows = [["added", uri] for uri in found.added] + [["changed", uri] for uri in found.changed]
    rows += [["moved", f"{before} → {after}"] for before, after in found.moved]
    rows += [["removed", uri] for uri in found.removed]
    print_table(["change", "uri"], rows, empty="Nothing.")


@app.command()
def rollback(number: Number, collection: Collection = None, json: Json = False) -> None:
    """Answer from the documents of an earlier snapshot again; nothing is parsed or embedded."""
    with kit(one_shot=False) as ragkit:
        done = ragkit.snapshots.rollback(number, collection=collection)
    if json:
        print_json(done)
        return
    out = console()
    out.print(
        f"Rolled back to snapshot {number}: {done.restored} restored, {done.withdrawn} withdrawn. "
        f"This is snapshot {done.snapshot.number}.",
        markup=False,
    )
    for uri in done.deleted:
        out.print(f"deleted since, and stays so: {uri}", markup=False)
