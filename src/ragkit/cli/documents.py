"""`ragkit documents`: what was ingested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.ingest import print_report
from ragkit.cli.options import Collection, Json
from ragkit.cli.output import console, print_json, print_table
from ragkit.types import DocumentState, DocumentView

__all__ = ["app"]

app = typer.Typer(help="What was ingested.", no_args_is_help=True)

_TIME = "%Y-%m-%d %H:%M:%S"

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
    if state not in (None, "live"):
        columns.append("reason")
        rows = [[*row, document.reason or ""] for row, document in zip(rows, found, strict=True)]
    print_table(columns, rows, empty="There is no such document. `ragkit ingest PATH` brings some in.")


@app.command()
def show(
    document_id: DocumentId,
    chunks: Annotated[bool, typer.Option("--chunks", help="With its chunks.")] = False,
    span: Annotated[str | None, typer.Option(help="START:END, to print only this part of the text.")] = None,
    json: Json = False,
) -> None:
    """A document: where it comes from, what became of it at each attempt, and its text."""
    with kit() as ragkit:
        view = ragkit.documents.get(document_id, chunks=chunks)
    if json:
        print_json(view)
        return
    out = console()
    if span is not None:
        out.print(view.text[_slice(span)], markup=False)
        return
    out.print("\n".join([*_ledger(view), "", view.text]), markup=False)
    for chunk in view.chunks:
        place = " · ".join(part for part in (chunk.page and f"page {chunk.page}", chunk.heading) if part)
        out.print(f"\n--- {chunk.chunk_id} {chunk.start}:{chunk.end} {place}\n{chunk.text}", markup=False)


@app.command()
def release(document_id: DocumentId, json: Json = False) -> None:
    """Let a document out of quarantine, whatever the filters say of it."""
    with kit(one_shot=False) as ragkit:
        report = ragkit.documents.release(document_id)
    if json:
        print_json(report)
    else:
        print_report(report)


@app.command()
def delete(document_id: DocumentId, json: Json = False) -> None:
    """Erase a document with every trace of its text, and print the receipt."""
    with kit(one_shot=False) as ragkit:
        receipt = ragkit.documents.delete(document_id)
    if json:
        print_json(receipt)
    else:
        erased = f"{receipt.uri!r} ({receipt.document_id}) with {receipt.chunks} chunks"
        console().print(f"Erased {erased} at {receipt.deleted_at:{_TIME}}.", markup=False)


def _ledger(view: DocumentView) -> Iterator[str]:
    """What is known of a document, a line each."""
    document = view.document
    yield from filter(None, (document.title, document.uri))
    yield f"state       {document.state}" + (f": {document.reason}" if document.reason else "")
    if document.parent_id:
        yield f"inside      {document.parent_id}"
    if document.access:
        yield f"access      {', '.join(document.access)}"
    if document.seen_at:
        yield f"seen        {document.seen_at:{_TIME}}"
    yield from (f"warning     {warning}" for warning in view.warnings)
    yield from (f"resembles   {uri}" for uri in view.near_duplicates)
    for verdict in view.verdicts:
        yield f"filter      {verdict.filter}: {'passed' if verdict.passed else 'not passed'}, {verdict.detail}"
    for attempt in view.attempts:
        parts = (attempt.version and attempt.version[:12], attempt.parser, attempt.chunker)
        yield f"attempt     {' · '.join(part for part in parts if part)}"
        yield from (f"            {at:{_TIME}} {step}" for step, at in attempt.steps)
        if attempt.outcome is None:
            yield "            broken off, or under way"
        elif attempt.reason:
            yield f"            {attempt.reason}"


def _slice(span: str) -> slice:
    start, colon, end = span.partition(":")
    if not (colon and start.isdecimal() and end.isdecimal()):
        raise typer.BadParameter(f"{span!r} is not START:END, such as 120:245.", param_hint="--span")
    return slice(int(start), int(end))
