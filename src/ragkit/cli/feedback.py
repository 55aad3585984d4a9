"""`ragkit feedback`: what people said of answers."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from typing import Annotated, cast, get_args

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Before, Json, Limit
from ragkit.cli.output import console, print_json, print_table
from ragkit.recorded import Complaint, Feedback, Rating

__all__ = ["app"]

app = typer.Typer(help="What people said of answers and of single citations.", no_args_is_help=True)

Rated = Annotated[Rating, typer.Argument(metavar="up|down", help="Whether it is any good.")]
AnswerId = Annotated[str, typer.Argument(metavar="ANSWER", help="From `ragkit answers list`.")]


@app.command()
def give(
    answer_id: AnswerId,
    rating: Rated,
    citation: Annotated[int | None, typer.Option(min=0, help="Of one citation: its place, from 0.")] = None,
    reason: Annotated[list[str] | None, typer.Option(help=f"{', '.join(get_args(Complaint))}; repeatable.")] = None,
    comment: Annotated[str, typer.Option(help="In any words.")] = "",
    correction: Annotated[str, typer.Option(help="What should have been answered.")] = "",
    json: Json = False,
) -> None:
    """Say what an answer, or one of its citations, is worth."""
    reasons = cast("list[Complaint]", reason or [])
    for one in reasons:
        if one not in get_args(Complaint):
            raise typer.BadParameter(f"{one!r} is none of {', '.join(get_args(Complaint))}.", param_hint="--reason")
    with kit() as ragkit:
        found = ragkit.feedback.give(
            answer_id, rating, citation=citation, reasons=reasons, comment=comment, correction=correction
        )
    if json:
        print_json(found)
    else:
        console().print(f"{found.id}: {found.rating}", markup=False)


@app.command("list")
def list_feedback(
    answer: Annotated[str | None, typer.Option(help="Only of the answer with this id.")] = None,
    rating: Annotated[Rating | None, typer.Option(help="Only these.")] = None,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of answers from it.")] = None,
    limit: Limit = 50,
    before: Before = None,
    golden: Annotated[
        bool, typer.Option(help="As golden questions, a line each, for `ragkit tune` and `ragkit evaluate golden`.")
    ] = False,
    json: Json = False,
) -> None:
    """What was said, the newest first."""
    with kit() as ragkit:
        found = ragkit.feedback.list(answer_id=answer, rating=rating, collection=collection, limit=limit, before=before)
    if golden:
        for line in golden_questions(found):
            typer.echo(line)
    elif json:
        print_json({"feedback": found})
    else:
        rows = [
            [
                one.id,
                f"{one.updated_at:%Y-%m-%d %H:%M}",
                one.rating,
                "answer" if one.citation is None else f"citation {one.citation}",
                " ".join(one.reasons),
                " ".join((one.correction or one.comment).split())[:40],
                " ".join(one.question.split())[:50],
            ]
            for one in found
        ]
        print_table(["id", "at", "rating", "of", "reasons", "said", "question"], rows, empty="There is none.")


@app.command()
def delete(
    feedback_id: Annotated[str, typer.Argument(metavar="ID", help="From `ragkit feedback list`.")], json: Json = False
) -> None:
    """Take feedback back."""
    with kit() as ragkit:
        found = ragkit.feedback.delete(feedback_id)
    if json:
        print_json(found)
    else:
        console().print(f"{found.id} is taken back.", markup=False)


def golden_questions(found: Sequence[Feedback]) -> list[str]:
    """A line of a file of golden questions for each question whose answer, or some citation of it, was rated `up`.

    What one of them was rated `down` for is not named as a source. The newest comes first in `found`, and counts.
    """
    sources: dict[str, dict[str, bool]] = {}
    oldest_first = found[::-1]
    for one in sorted(oldest_first, key=lambda one: one.citation is not None):  # what is said of one citation goes last
        if one.question:
            sources.setdefault(one.question, {}).update(dict.fromkeys(one.cited, one.rating == "up"))
    kept = {question: [uri for uri, good in cited.items() if good] for question, cited in sources.items()}
    return [
        jsonlib.dumps({"question": question, "must_cite": uris, "tags": ["feedback"]}, ensure_ascii=False)
        for question, uris in kept.items()
        if uris
    ]
