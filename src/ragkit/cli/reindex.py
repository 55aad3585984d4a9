"""`ragkit reindex`: the next generation of a collection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.background import step_back
from ragkit.cli.connect import local
from ragkit.cli.options import Collection, Json
from ragkit.cli.output import console, print_json

if TYPE_CHECKING:
    from ragkit.history import Reindexed
    from ragkit.ingest.pipelines import ChunkProfile

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reindex)


def reindex(
    collection: Collection = None,
    embedder: Annotated[
        str | None, typer.Option(help="The embedding model of the new generation; by default as it is.")
    ] = None,
    chunk_profile: Annotated[
        str | None,
        typer.Option(metavar="TOKENS/OVERLAP/STRATEGY", help="How documents are cut, such as 180/20/structure."),
    ] = None,
    golden: Annotated[
        Path | None, typer.Option(help="Golden questions; the new generation must find their sources as well.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Switch also to a generation that is worse.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the generation before.")] = False,
    json: Json = False,
) -> None:
    """Build the next generation of a collection while it answers, and switch to it."""
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    step_back()

    with (
        local("To reindex") as ragkit,
        Progress(
            TextColumn("building"), MofNCompleteColumn(), TimeElapsedColumn(), console=console(stderr=True)
        ) as bar,
    ):
        task = bar.add_task("building", total=None)
        done = ragkit.reindex(
            collection,
            embedder=embedder,
            chunks=_profile(chunk_profile),
            golden=golden,
            force=force,
            rollback=rollback,
            on_progress=lambda built, found: bar.update(task, completed=built, total=found),
        )
    if json:
        print_json(done)
    else:
        _print(done)


def _profile(text: str | None) -> ChunkProfile | None:
    from pydantic import ValidationError

    from ragkit.ingest.pipelines import ChunkProfile

    if text is None:
        return None
    parts = dict(zip(("tokens", "overlap", "strategy"), text.split("/"), strict=False))
    try:
        if text.count("/") > 2 or not parts["tokens"]:
            raise typer.BadParameter(f"{text!r} is not TOKENS/OVERLAP/STRATEGY.", param_hint="--chunk-profile")
        return ChunkProfile.model_validate(parts)
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise typer.BadParameter(f"{text!r} is no chunk profile: {said}.", param_hint="--chunk-profile") from error


def _print(done: Reindexed) -> None:
    measured = ""
    if done.quality is not None and done.quality_before is not None:
        measured = f" The sources of the golden questions: {done.quality_before:.3f} before, {done.quality:.3f} now."
    console().print(
        f"{done.collection!r} answers from generation {done.generation} ({done.embedder}"
        f"{', ' + done.chunking if done.chunking else ''}): {done.documents} documents built, {done.embedded} texts "
        f"embedded, {done.seconds:.1f} s.{measured} Generation {done.before} is kept: `ragkit reindex --rollback`.",
        markup=False,
    )
