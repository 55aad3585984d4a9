"""`ragkit evaluate groundedness`: how well the check tells what a source says from what it does not say."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.connect import local
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json, print_table

if TYPE_CHECKING:
    from ragkit.evaluate.groundedness import Groundedness

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(groundedness)


def groundedness(
    file: Annotated[
        Path | None,
        typer.Argument(
            help='{"context": …, "statement": …, "label": …} a line; a label is supported, partial or unsupported. '
            "Without a file: what the built-in check was measured at when it was made."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Hold labelled statements against their contexts, and measure the check of citations by them."""
    if file is None:
        from ragkit.evaluate.groundedness import shipped

        made = shipped()
        if json:
            print_json({"shipped": [asdict(one) for one in made]})
            return
        for one in made:
            _print(one)
        return
    with local("To evaluate") as kit:
        found = kit.evaluate.groundedness(file)
    if json:
        print_json(asdict(found))
        return
    _print(found)
    if len(found.checked_by) > 1:
        who = ", ".join(f"{count} by {name}" for name, count in found.checked_by.items())
        console().print(f"Verdicts: {who}", markup=False)
    total = sum(found.statements.values())
    console().print(f"{total} statements in {found.took_s:.1f} s", markup=False)


def _print(found: Groundedness) -> None:
    length = found.length
    rows = [
        ["AUROC, supported against unsupported", f"{found.auroc:.4f}", _bounds(found.auroc_interval)],
        ["expected calibration error", f"{found.ece:.4f}", _bounds(found.ece_interval)],
        ["AUROC of the length alone", f"{length.alone:.4f}", ""],
    ]
    if length.matched is not None:
        rows.append([f"AUROC, {length.matched_pairs} pairs of like length", f"{length.matched:.4f}", ""])
    print_table([found.dataset, "", "95 %"], rows, empty="")
    verdicts = list(next(iter(found.confusion.values())))
    counts = [[label, *(str(row[verdict]) for verdict in verdicts)] for label, row in found.confusion.items()]
    print_table(["label", *verdicts], counts, empty="")


def _bounds(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"
