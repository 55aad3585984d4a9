"""`ragkit jobs`: uploads on their way."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Json
from ragkit.cli.output import print_json, print_table

__all__ = ["app"]

app = typer.Typer(help="Uploads on their way.", no_args_is_help=True)


@app.command("list")
def list_jobs(json: Json = False) -> None:
    """The newest jobs."""
    with kit() as ragkit:
        found = ragkit.jobs.list()
    if json:
        print_json({"jobs": found})
        return
    rows = [[j.id, j.state, j.collection, j.uri, j.error or "", f"{j.updated_at:%Y-%m-%d %H:%M}"] for j in found]
    print_table(["id", "state", "collection", "uri", "error", "updated"], rows, empty="There is none.")


@app.command()
def show(job_id: Annotated[str, typer.Argument(help="From `ragkit jobs list`.")], json: Json = False) -> None:
    """One job."""
    with kit() as ragkit:
        job = ragkit.jobs.get(job_id)
    if json:
        print_json(job)
    else:
        print_table(["id", "state", "uri", "error"], [[job.id, job.state, job.uri, job.error or ""]], empty="")
