"""`ragkit verify`: whether the stores agree."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.connect import local
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verify)


def verify(
    repair: Annotated[bool, typer.Option("--repair", help="Rebuild what differs from the catalog.")] = False,
    json: Json = False,
) -> None:
    """Compare catalog, vectors and keywords, and name every difference."""
    from rich.markup import escape

    with local("To verify") as kit:
        report = kit.verify(repair=repair)
    if json:
        print_json(report)
    else:
        out = console()
        for difference in report.differences:
            out.print(f"[yellow]{difference.kind}[/] {escape(difference.collection)}: {escape(difference.detail)}")
        state = "repaired" if report.repaired else "consistent" if report.consistent else "not consistent"
        out.print(f"{report.documents} documents, {report.chunks} chunks: [bold]{state}[/] ({report.seconds:.1f} s)")
        if not report.consistent:
            out.print("`ragkit verify --repair` rebuilds what differs.")
    if not report.consistent:
        raise typer.Exit(1)
