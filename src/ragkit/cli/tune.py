"""`ragkit tune`: weigh hybrid search by questions about one's own documents, or by ones made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.connect import local
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json, print_table
from ragkit.errors import InputError

if TYPE_CHECKING:
    from ragkit.evaluate.precision import Measured, Threshold

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
    precision: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.999,
            help="Instead choose from which probability on to answer, so that this share of the answers that are given "
            "is right, by a file of golden questions; 0 goes back to the built-in one.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Weigh the vectors and keywords of a collection by questions about it, if that is no worse than the default."""
    if precision is not None:
        _tune_precision(questions, precision, collection, json=json)
        return
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
    kept = f"The offset {found.offset:+.1f} is in use now, and not {found.in_use:+.1f} any more."
    out.print(kept if found.kept else f"Not surely better: the offset stays {found.in_use:+.1f}.", markup=False)


def _tune_precision(questions: Path | None, wanted: float, collection: str | None, *, json: bool) -> None:
    with local("To tune") as kit:
        if not wanted:
            kit.evaluate.forget_precision(collection=collection)
            console().print("The built-in probability is in use again.", markup=False)
            return
        if questions is None:
            raise InputError(
                "A precision is tuned by golden questions.", hint="ragkit tune QUESTIONS.jsonl --precision 0.9"
            )
        found = kit.evaluate.precision(questions, wanted=wanted, collection=collection)
    if json:
        print_json(asdict(found))
        return
    rows = [_row("before", found.before), _row("on questions it was not chosen by", found.held_out)]
    print_table(["", "answers given", "of them right", "95 %", "of the questions"], rows, empty="")
    for line in _conclusion(found):
        console().print(line, markup=False)


def _row(name: str, measured: Measured) -> list[str]:
    low, high = measured.interval or (0.0, 1.0)
    right = "" if measured.precision is None else f"{measured.precision:.3f}"
    return [name, str(measured.given), right, f"{low:.3f} to {high:.3f}", f"{measured.answered:.3f}"]


def _conclusion(found: Threshold) -> Iterator[str]:
    if not found.kept or found.least is None:
        yield (
            f"{found.collection}: no threshold makes {found.wanted:.3g} of the answers right on {found.questions} "
            "questions, as far as answers that were not used to choose it tell. Nothing was changed."
        )
        yield "Wrong answers look as probable as right ones: better sources, or another model, would help."
        return
    yield f"{found.collection}: it answers from a probability of {found.least:.2f} on now."
    if found.held_out.interval and found.held_out.interval[0] < found.wanted:
        yield (
            f"With {found.held_out.given} answers that is no certainty: the share may be as low as "
            f"{found.held_out.interval[0]:.3f}. More questions narrow it."
        )
