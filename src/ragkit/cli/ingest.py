"""`ragkit ingest`: files and folders, or every pipeline of `ingest/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.connect import engine, settings
from ragkit.cli.options import Collection, Json
from ragkit.cli.output import console, print_json
from ragkit.errors import InputError
from ragkit.types import IngestReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragkit.ingest.report import Progress

__all__ = ["print_report", "progress", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)


def ingest(
    paths: Annotated[list[str] | None, typer.Argument(help="Files, folders and globs; none: every pipeline.")] = None,
    collection: Collection = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove documents whose file is gone.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a file failed.")] = False,
    json: Json = False,
) -> None:
    """Bring documents into a collection; what has not changed costs only its hash."""
    service = settings().url
    if service:
        from ragkit.client import Client

        if not paths or prune:
            raise InputError(
                "Pipelines and --prune work on the machine of the engine, and RAGKIT_URL names a service.",
                hint="Unset RAGKIT_URL to use the local engine, or name the files to upload.",
            )
        with Client(service) as client:
            report = client.ingest(*paths, collection=collection)
    else:
        report = _ingest_here(paths or [], collection, prune=prune)
    if json:
        print_json(report)
    else:
        print_report(report)
    if strict and report.failed:
        raise typer.Exit(1)


def _ingest_here(paths: list[str], collection: str | None, *, prune: bool) -> IngestReport:
    from ragkit.ingest.pipelines import load_pipelines
    from ragkit.ingest.sources import roots_of

    given = settings()
    with progress() as show, engine(given, one_shot=False) as kit:
        if paths:
            return kit.ingest_roots(roots_of(paths), collection=collection, prune=prune, on_progress=show)
        reports = [
            kit.ingest_roots(
                [pipeline.root],
                collection=collection or pipeline.collection,
                prune=prune or pipeline.prune,
                empty_ok=True,
                on_progress=show,
            )
            for pipeline in load_pipelines(given.pipelines)
        ]
        return sum(reports, start=IngestReport())


@contextmanager
def progress() -> Iterator[Callable[[Progress], None]]:
    """Shows how far a run is: a live line on a terminal, a line every hundred documents otherwise."""
    err = console(stderr=True)
    if not err.is_terminal:
        yield lambda p: err.print(f"{p.done}/{p.found} documents, {p.chunks} chunks") if p.done % 100 == 0 else None
        return
    from rich import progress as rich

    columns = (
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("documents · {task.fields[chunks]} chunks · {task.fields[rate]} documents/s ·"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("left"),
    )
    with rich.Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=None, chunks=0, rate="…")

        def show(p: Progress) -> None:
            rate = bar.tasks[0].speed
            bar.update(task, total=p.found, completed=p.done, chunks=p.chunks, rate=f"{rate:.0f}" if rate else "…")

        yield show


def print_report(report: IngestReport) -> None:
    """What a run did, and by name whatever is not in the index now."""
    from rich.markup import escape

    out = console()
    counts = {name: getattr(report, name) for name in ("added", "updated", "unchanged", "moved", "deleted")}
    counts |= {"quarantined": report.quarantined, "skipped": report.skipped, "failed": len(report.failed)}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"
    out.print(
        f"[bold]{report.found} found[/]: {said}; {report.chunks} chunks, {report.embedded} embedded, "
        f"{report.seconds:.1f} s"
    )
    for failure in report.failed:
        out.print(f"[red]failed[/]  {escape(failure.uri)}: {escape(failure.detail)}")
    for skipped in report.skipped_files:
        out.print(f"[yellow]skipped[/] {escape(skipped.uri)}: {escape(skipped.detail)}")
