"""`ragkit documents`: what was ingested."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Collection, Json
from ragkit.cli.output import console, print_json, print_table
from ragkit.types import DocumentState

__all__ = ["app"]

app = typer.Typer(help="What was ingested.", no_args_is_help=True)

DocumentId = Annotated[str, typer.Argument(help="From `ragkit documents list`.")]


@app.command("list")
def list_documents(
    collection: Collection = None,
    state: Annotated[DocumentState | None, typer.Option(help="By default those that can answer.")] = None,
    json: Json = False,
) -> None:
    """The documents of all collections, or of one."""
    with kit() as ragkit:
        found = ragkit.documents.list(collection=collection, state=state)
    if json:
        print_json({"documents": found})
        return
    rows = [[d.id, d.collection, d.uri, d.title, d.state, str(d.chunks)] for d in found]
    columns = ["id", "collection", "uri", "title", "state", "chunks"]
    print_table(columns, rows, empty="There is no such document. `ragkit ingest PATH` brings some in.")


@app.command()
def show(
    document_id: DocumentId,
    chunks: Annotated[bool, typer.Option("--chunks", help="With its chunks.")] = False,
    span: Annotated[str | None, typer.Option(help="START:END, to print only this part of the text.")] = None,
    json: Json = False,
) -> None:
    """A document with its text."""
    with kit() as ragkit:
        view = ragkit.documents.get(document_id, chunks=chunks)
    if json:
        print_json(view)
        return
    out = console()
    if span is not None:
        out.print(view.text[_slice(span)], markup=False)
        return
    out.print(f"{view.document.title}\n{view.document.uri}\n\n{view.text}", markup=False)
    for chunk in view.chunks:
        place = " · ".join(part for part in (chunk.page and f"page {chunk.page}", chunk.heading) if part)
        out.print(f"\n--- {chunk.chunk_id} {chunk.start}:{chunk.end} {place}\n{chunk.text}", markup=False)


@app.command()
def delete(document_id: DocumentId, json: Json = False) -> None:
    """Remove a document from the catalog, the vectors and the keywords."""
    with kit(one_shot=False) as ragkit:
        receipt = ragkit.documents.delete(document_id)
    if json:
        print_json(receipt)
    else:
        console().print(f"Removed {receipt.uri!r} with {receipt.chunks} chunks.", markup=False)


def _slice(span: str) -> slice:
    start, colon, end = span.partition(":")
    if not (colon and start.isdecimal() and end.isdecimal()):
        raise typer.BadParameter(f"{span!r} is not START:END, such as 120:245.", param_hint="--span")
    return slice(int(start), int(end))
