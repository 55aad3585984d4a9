"""`ragkit ask`: a cited answer."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Collection, Json, Mmr, Report, Where, filters_of
from ragkit.cli.output import console, print_json
from ragkit.demands import is_german
from ragkit.types import Answer
from ragkit.verdicts import BUILT_IN, IN_GERMAN

__all__ = ["print_answer", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ask)


def ask(
    question: Annotated[str, typer.Argument(help="In any words.")],
    collection: Collection = None,
    prompt: Annotated[str | None, typer.Option(help="NAME, NAME@ALIAS or NAME@VERSION.")] = None,
    conversation: Annotated[str | None, typer.Option(help="The id of a conversation to go on with.")] = None,
    where: Where = None,
    mmr: Mmr = None,
    report: Report = None,
    json: Json = False,
) -> None:
    """Answer a question from the documents, with checked citations."""
    with kit() as ragkit:
        answer = ragkit.ask(
            question,
            collection=collection,
            prompt=prompt,
            conversation_id=conversation,
            filters=filters_of(where),
            mmr=mmr,
        )
        if json:
            print_json(answer)
        else:
            print_answer(answer)
        if report is not None:
            from ragkit.cli.answers import write_report

            write_report(ragkit, ragkit.answers.show(answer.trace_id), report)


def print_answer(answer: Answer) -> None:
    """The answer, then each citation with its place and the sentence that it quotes."""
    from rich.markup import escape

    out = console()
    out.print(escape(answer.answer))
    if answer.fallback:
        out.print(f"\n  [yellow]Written by {escape(answer.model)}: {escape(answer.fallback)}[/]")
    for citation in answer.citations:
        verdict = IN_GERMAN[citation.verdict] if is_german(answer.answer) else citation.verdict
        sign = "[green]✓[/]" if citation.supported else f"[yellow]{verdict}[/]"
        sign += "" if citation.checked_by == BUILT_IN else f" [dim]by {escape(citation.checked_by)}[/]"
        place = (citation.title, citation.page and f"page {citation.page}", citation.heading)
        out.print(f"\n  [bold]\\[{citation.marker}][/] {escape(' · '.join(str(p) for p in place if p))}  {sign}")
        out.print(f"      [italic]“{escape(' '.join(citation.quote.split()))}”[/]")
        out.print(f"      [dim]{escape(citation.uri)}[/]")
    found = answer.evidence
    if found is not None and (answer.abstained or found.tuned):
        how = ", as tuned" if found.tuned else ""
        out.print(
            f"\n  [dim]Held an answer with probability {found.probability:.2f}; {found.least:.2f} is asked{how}.[/]"
        )
