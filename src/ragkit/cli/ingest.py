"""`ragkit ingest`: files and folders, or every pipeline of `ingest/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.background import step_back
from ragkit.cli.connect import engine, kit, settings
from ragkit.cli.options import Collection, Json
from ragkit.cli.output import console, print_json, say
from ragkit.errors import InputError, RagkitError
from ragkit.types import IngestReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ragkit.blocking import Ragkit
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.report import Progress
    from ragkit.ingest.sources import Root

__all__ = ["How", "print_report", "progress", "register", "run_source", "sources_of"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)


def ingest(
    paths: Annotated[list[str] | None, typer.Argument(help="Files, folders and globs; none: every pipeline.")] = None,
    collection: Collection = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove documents whose file is gone.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Prune also when more than a fifth is gone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Then follow the folders, until Ctrl-C.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a file failed.")] = False,
    json: Json = False,
) -> None:
    """Bring documents into a collection; what has not changed costs only its hash."""
    how = How(collection=collection, prune=prune, force=force, dry_run=dry_run)
    if watch and (dry_run or json):
        raise typer.BadParameter("--watch goes neither with --dry-run nor with --json.")
    if settings().url:
        _upload(paths or [], how, watch=watch, strict=strict, json=json)
        return
    step_back()
    sources = sources_of(paths or [], settings().pipelines)
    if watch:
        from ragkit.cli.watch import watch_sources

        watch_sources(sources, how)
        return
    outcomes: list[tuple[str, str]] = []
    with progress() as show, engine(settings(), one_shot=False) as ragkit:

        def note(p: Progress) -> None:
            outcomes.append((p.outcome, p.uri))
            show(p)

        report, broken = _run_all(ragkit, sources, how, note if dry_run else show)
    _print(report, outcomes if dry_run else None, json=json)
    if broken or (strict and report.failed):
        raise typer.Exit(1)


@dataclass(frozen=True, kw_only=True)
class How:
    """What was asked for, whatever the source."""

    collection: str | None
    prune: bool
    force: bool
    dry_run: bool = False


def sources_of(paths: list[str], pipelines: Path) -> dict[str, Sequence[Root] | Pipeline]:
    """What is named on the command line, as one source, or every pipeline by its name."""
    from ragkit.ingest.pipelines import load_pipelines
    from ragkit.ingest.sources import roots_of

    if paths:
        return {", ".join(paths): roots_of(paths)}
    return {pipeline.name: pipeline for pipeline in load_pipelines(pipelines)}


def run_source(
    kit: Ragkit, source: Sequence[Root] | Pipeline, how: How, on_progress: Callable[[Progress], None]
) -> IngestReport:
    """Ingest one source."""
    from ragkit.ingest.pipelines import Pipeline

    if isinstance(source, Pipeline):
        return kit.ingest_pipeline(source, **asdict(how), on_progress=on_progress)
    return kit.ingest_roots(source, **asdict(how), on_progress=on_progress)


def _run_all(
    kit: Ragkit,
    sources: Mapping[str, Sequence[Root] | Pipeline],
    how: How,
    on_progress: Callable[[Progress], None],
) -> tuple[IngestReport, bool]:
    """The sum of all reports, and whether a pipeline could not run: the others do all the same."""
    if len(sources) == 1:
        return run_source(kit, next(iter(sources.values())), how, on_progress), False
    reports, broken = [], False
    for name, source in sources.items():
        try:
            reports.append(run_source(kit, source, how, on_progress))
        except RagkitError as error:
            broken = True
            say(error, of=f"pipeline {name!r}")
    return sum(reports, start=IngestReport()), broken


def _upload(paths: list[str], how: How, *, watch: bool, strict: bool, json: bool) -> None:
    if not paths or watch or how.prune or how.force or how.dry_run:
        raise InputError(
            "Pipelines, --prune, --force, --dry-run and --watch need the local engine, and RAGKIT_URL names a service.",
            hint="Unset RAGKIT_URL to use the local engine, or name the files to upload.",
        )
    with kit() as service:
        report = service.ingest(*paths, collection=how.collection)
    _print(report, None, json=json)
    if strict and report.failed:
        raise typer.Exit(1)


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


def _print(report: IngestReport, outcomes: list[tuple[str, str]] | None, *, json: bool) -> None:
    """The report; of a dry run also what would become of each document."""
    if outcomes is None:
        print_json(report) if json else print_report(report)
    elif json:
        documents = [{"uri": uri, "outcome": outcome} for outcome, uri in outcomes]
        print_json({**asdict(report), "documents": documents})
    else:
        out = console()
        for outcome, uri in outcomes:
            if outcome not in {"unchanged", "failed", "skipped"}:  # counted; the report names the others
                out.print(f"{outcome:11} {uri}", markup=False)
        print_report(report)
        out.print("[dim]Nothing was changed: this was a dry run.[/]")


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
    for held in report.quarantined_files:
        out.print(f"[yellow]quarantined[/] {escape(held.uri)}: {escape(held.detail)}")
    for skipped in report.skipped_files:
        out.print(f"[yellow]skipped[/] {escape(skipped.uri)}: {escape(skipped.detail)}")
    for warning in report.warnings:
        out.print(f"[yellow]warning[/] {escape(warning)}")
