"""`ragkit serve` and `ragkit worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.connect import settings
from ragkit.cli.output import console

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.command()(worker)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to bind; RAGKIT_HOST when it is not given.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; RAGKIT_PORT when not given, 0 for a free one.")] = None,
    worker: Annotated[bool, typer.Option(help="Ingest uploads in a process beside the service.")] = True,
) -> None:
    """Answer over HTTP, with a worker for uploads."""
    from ragkit.service.server import serve as run

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    run(settings(**given), with_worker=worker, announce=_announce)


def worker() -> None:
    """Ingest uploads that services have accepted, until it is stopped."""
    from ragkit.service.worker import work

    work(settings())


def _announce(url: str) -> None:
    console(stderr=True).print(f"ragkit answers at {url} (documentation at {url}/docs). Stop it with Ctrl-C.")
