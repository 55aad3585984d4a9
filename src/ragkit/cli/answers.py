"""`ragkit answers`: the records of answers, asking again, and what is different."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.ask import print_answer
from ragkit.cli.connect import kit
from ragkit.cli.options import Before, Json, Limit, Report
from ragkit.cli.output import console, print_json, print_table
from ragkit.errors import InputError, NotFound

if TYPE_CHECKING:
    from ragkit.blocking import Ragkit
    from ragkit.client import Client
    from ragkit.recorded import AnswerDiff, Trace

__all__ = ["app", "write_report"]

app = typer.Typer(help="The records of answers, asking again, and what is different.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="From `ragkit answers list`; an answer's `trace_id`.")]


@app.command("list")
def list_answers(
    conversation: Annotated[str | None, typer.Option(help="Only of the conversation with this id.")] = None,
    limit: Limit = 50,
    before: Before = None,
    json: Json = False,
) -> None:
    """Records of answers, newest first."""
    with kit() as ragkit:
        found = ragkit.answers.list(conversation_id=conversation, limit=limit, before=before)
    if json:
        print_json({"answers": found})
        return
    rows = [
        [
            a.id,
            f"{a.created_at:%Y-%m-%d %H:%M}",
            a.model,
            a.prompt,
            a.reason or " ".join(f"{name} {count}" for name, count in a.verdicts.items()) or "no citation",
            f"{a.took_ms:.0f} ms",
            " ".join(a.question.split())[:60],
        ]
        for a in found
    ]
    print_table(["id", "at", "model", "prompt", "checked", "took", "question"], rows, empty="There is none.")


@app.command()
def show(answer_id: Id, report: Report = None, json: Json = False) -> None:
    """One record: what was asked, found, said and checked, how, and at what cost."""
    with kit() as ragkit:
        trace = ragkit.answers.show(answer_id)
        if report is not None:
            write_report(ragkit, trace, report)
    if json:
        print_json(trace)
        return
    out = console()
    out.print(f"{trace.question}\n", markup=False, style="bold")
    print_answer(trace.answer)
    out.print(
        f"\n{trace.answer.model}, {trace.answer.prompt}, generation "
        f"{trace.generation}, rendered prompt {(trace.rendered_sha256 or 'none')[:12]}, {trace.answer.took_ms:.0f} ms",
        markup=False,
    )
    for stage, took in trace.stages_ms.items():
        out.print(f"  {stage}: {took:.1f} ms", markup=False)


@app.command()
def replay(
    answer_id: Id,
    prompt: Annotated[str | None, typer.Option(help="NAME, NAME@ALIAS or NAME@VERSION.")] = None,
    model: Annotated[str | None, typer.Option(help="As in RAGKIT_LLM.")] = None,
    generation: Annotated[int | None, typer.Option(min=1, help="The number of a generation that is kept.")] = None,
    json: Json = False,
) -> None:
    """Ask again what was asked, with another prompt, model or generation, and see the difference."""
    with kit() as ragkit:
        done = ragkit.answers.replay(answer_id, prompt=prompt, model=model, generation=generation)
    if json:
        print_json(done)
        return
    print_answer(done.trace.answer)
    console().print()
    _print_diff(done.diff)


@app.command()
def diff(
    a: Annotated[str, typer.Argument(help="The id of an answer.")],
    b: Annotated[str, typer.Argument(help="The id of another.")],
    json: Json = False,
) -> None:
    """How the second answer differs from the first: text, citations, verdicts, cost and time."""
    with kit() as ragkit:
        found = ragkit.answers.diff(a, b)
    if json:
        print_json(found)
    else:
        _print_diff(found)


def write_report(ragkit: Ragkit | Client, trace: Trace, file: Path) -> None:
    """Write the page of an answer.

    Raises:
        InputError: The file cannot be written.
    """
    from ragkit.report import page, texts_of

    texts = {}
    for document_id in dict.fromkeys(source.document_id for source in trace.sources):
        try:
            texts[document_id] = ragkit.documents.get(document_id).text
        except NotFound:
            continue  # deleted since: the page says so
    try:
        file.write_text(page(trace, texts_of(trace, texts)), encoding="utf-8")
    except OSError as error:
        raise InputError(f"The report {str(file)!r} cannot be written: {error.strerror}.") from error
    console(stderr=True).print(f"Wrote {file}.", markup=False)


def _print_diff(diff: AnswerDiff) -> None:
    out = console()
    out.print(diff.text or "The text is the same.", markup=False)
    for sign, quotes in (("-", diff.citations_removed), ("+", diff.citations_added)):
        for quote in quotes:
            out.print(f"{sign} cites {quote}", markup=False)
    pairs = {
        "model": diff.model,
        "prompt": diff.prompt,
        "generation": diff.generation,
        "refused": diff.abstained,
        "verdicts": tuple(dict(counts) for counts in diff.verdicts),
        "tokens": diff.tokens,
        "cost USD": diff.cost_usd,
        "ms": diff.took_ms,
    }
    for name, (before, after) in pairs.items():
        out.print(f"{name}: {before}" + ("" if before == after else f" → {after}"), markup=False)
    if not diff.same_question:
        out.print("They answer different questions.", markup=False)
