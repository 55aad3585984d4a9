"""`ragkit jobs`: uploads and runs of pipelines, on their way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json, print_table

if TYPE_CHECKING:
    from ragkit.types import Job

__all__ = ["app"]

app = typer.Typer(help="Uploads and runs of pipelines, on their way.", no_args_is_help=True)

LOOK_EVERY_S = 0.5
UNDER_WAY = frozenset({"queued", "running"})

JobId = Annotated[str, typer.Argument(help="From `ragkit jobs list`.")]


@app.command("list")
def list_jobs(json: Json = False) -> None:
    """The newest jobs."""
    with kit() as ragkit:
        found = ragkit.jobs.list()
    if json:
        print_json({"jobs": found})
    else:
        _print(*found)


@app.command()
def show(
    job_id: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until it has ended; exit 1 if it failed.")] = False,
    json: Json = False,
) -> None:
    """One job: how far it is, and what became of it."""
    with kit() as ragkit:
        job = ragkit.jobs.get(job_id)
        said = ""
        while follow and job.state in UNDER_WAY:
            if (line := _line(job)) != said:
                console(stderr=True).print(line, markup=False)
            said = line
            time.sleep(LOOK_EVERY_S)
            job = ragkit.jobs.get(job_id)
    _show(job, json=json)
    if follow and job.state == "failed":
        raise typer.Exit(1)


@app.command()
def start(
    pipeline: Annotated[str, typer.Argument(help="Its name: the file without `.toml`.")], json: Json = False
) -> None:
    """Have a worker run a pipeline."""
    with kit() as ragkit:
        _show(ragkit.jobs.start(pipeline), json=json)


@app.command()
def pause(job_id: JobId, json: Json = False) -> None:
    """Stop after the batch under way, until it is resumed."""
    with kit() as ragkit:
        _show(ragkit.jobs.pause(job_id), json=json)


@app.command()
def resume(job_id: JobId, json: Json = False) -> None:
    """Go on with a paused job; what it has finished is not done again."""
    with kit() as ragkit:
        _show(ragkit.jobs.resume(job_id), json=json)


@app.command()
def cancel(job_id: JobId, json: Json = False) -> None:
    """Stop after the batch under way, for good; what is live stays live."""
    with kit() as ragkit:
        _show(ragkit.jobs.cancel(job_id), json=json)


@app.command()
def retry(job_id: JobId, json: Json = False) -> None:
    """Try again the documents that failed, and no others."""
    with kit() as ragkit:
        _show(ragkit.jobs.retry(job_id), json=json)


def _show(job: Job, *, json: bool) -> None:
    if json:
        print_json(job)
    else:
        _print(job)


def _print(*jobs: Job) -> None:
    rows = [
        [j.id, j.state, _counts(j), j.collection, j.uri, j.error or j.detail or "", f"{j.updated_at:%Y-%m-%d %H:%M}"]
        for j in jobs
    ]
    print_table(["id", "state", "done", "collection", "uri", "what", "updated"], rows, empty="There is none.")


def _counts(job: Job) -> str:
    return f"{job.progress.done}/{job.progress.found}" if job.progress else ""


def _line(job: Job) -> str:
    if job.detail:
        return f"{job.state}: {job.detail}"
    if job.progress is None:
        return job.state
    p = job.progress
    return f"{job.state}: {p.done}/{p.found} documents, {p.chunks} chunks, {p.failed} failed; {p.uri}"
