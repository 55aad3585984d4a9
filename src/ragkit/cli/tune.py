"""`ragkit tune`: weigh hybrid search by questions about one's own documents, or by ones made of them."""

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
    app.command()(tune)


def tune(
    questions: Annotated[
        Path | None,
        typer.Argument(
            help="A folder with queries.jsonl and qrels/SPLIT.tsv, or a file of golden questions; without it they "
            "are made of the collection's own headings and sentences."
        ),
    ] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Which one is tuned; RAGKIT_COLLECTION by default.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which judgements of a folder: qrels/SPLIT.tsv.")] = "test",
    json: Json = False,
) -> None:
    """Weigh the vectors and keywords of a collection by questions about it, if that is no worse than the default."""
    with local("To tune") as kit:
        found = kit.evaluate.tune(questions, collection=collection, split=split)
    if json:
        print_json(asdict(found))
        return
    rows = [[offset, f"{value:.4f}"] for offset, value in found.tried.items()]
    print_table(["offset", "nDCG@10"], rows, empty="")
    out = console()
    gain = found.gain
    if found.synthetic:
        out.print(
            "These questions are synthetic: headings and sentences of the collection without their rarest words. What "
            "people ask may be otherwise; `ragkit tune QUESTIONS` goes by that.",
            markup=False,
        )
    out.print(
        f"{found.collection}: {found.questions} questions, nDCG@10 {found.default:.4f} by default, "
        f"{found.held_out:.4f} on questions that the offset was not chosen by "
        f"({gain.mean:+.4f}, 95 % from {gain.low:+.4f} to {gain.high:+.4f}).",
        markup=False,
    )
    if found.kept:
        out.print(f"The offset {found.offset:+.1f} is in use now, and not {found.in_use:+.1f} any more.", markup=False)
    else:
        out.print(f"Not surely better: the offset stays {found.in_use:+.1f}.", markup=False)
