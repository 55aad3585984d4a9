"""`ragkit evaluate groundedness`: how well the check tells what a source says from what it does not say."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli.connect import local
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json, print_table

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(groundedness)


def groundedness(
    file: Annotated[
        Path,
        typer.Argument(
            help='{"context": …, "statement": …, "label": …} a line; a label is supported, partial or unsupported.'
        ),
    ],
    json: Json = False,
) -> None:
    """Hold labelled statements against their contexts, and measure the check of citations by them."""
    with local("To evaluate") as kit:
        found = kit.evaluate.groundedness(file)
    if json:
        print_json(asdict(found))
        return
    rows = [
        ["AUROC, supported against unsupported", f"{found.auroc:.4f}", _bounds(found.auroc_interval)],
        ["expected calibration error", f"{found.ece:.4f}", _bounds(found.ece_interval)],
    ]
    print_table([found.dataset, "", "95 %"], rows, empty="")
    verdicts = list(next(iter(found.confusion.values())))
    counts = [[label, *(str(row[verdict]) for verdict in verdicts)] for label, row in found.confusion.items()]
    print_table(["label", *verdicts], counts, empty="")
    if len(found.checked_by) > 1:
        who = ", ".join(f"{count} by {name}" for name, count in found.checked_by.items())
        console().print(f"Verdicts: {who}", markup=False)
    total = sum(found.statements.values())
    console().print(f"{total} statements in {found.took_s:.1f} s", markup=False)


def _bounds(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"
