"""`ragkit explain`: how a search came to its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Collection, Json, Mmr, Where, filters_of
from ragkit.cli.output import console, print_json, print_table
from ragkit.types import Mode

if TYPE_CHECKING:
    from ragkit.explanation import Candidate, Explanation

__all__ = ["register"]

_LEFT_OUT = 15
"""Of what is not in the result, so many are printed; `--json` has them all."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    question: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.", min=1, max=200)] = 10,
    collection: Collection = None,
    mode: Annotated[Mode, typer.Option(help="How to search.")] = "hybrid",
    where: Where = None,
    mmr: Mmr = None,
    access: Annotated[
        list[str] | None, typer.Option(help="Search as a caller that carries this access tag; several are possible.")
    ] = None,
    json: Json = False,
) -> None:
    """Show every stage of a search: terms, ranks and scores of each part, their weight, what was left out and why."""
    with kit() as ragkit:
        found = ragkit.explain(
            question, collection=collection, k=k, mode=mode, filters=filters_of(where), access=access or None, mmr=mmr
        )
    if json:
        print_json(found)
    else:
        _print(found)


def _print(found: Explanation) -> None:
    out = console()
    lines = [
        f"collection  {found.collection}, generation {found.generation}, {found.embedder}",
        f"scope       {found.scope}",
        f"terms       {', '.join(f'{term} ({count})' for term, count in found.terms.items()) or 'none'}",
    ]
    if found.tokens is not None:
        lines.append(f"tokens      {found.tokens} for the embedder")
    if found.dense_weight is not None:
        why = ", ".join(f"{name} {value:g}" for name, value in found.signals.items())
        lines.append(f"weight      {found.dense_weight:.2f} vectors, {1 - found.dense_weight:.2f} keywords ({why})")
    if found.answers_from is not None:
        lines.append(f"answers     from a probability of {found.answers_from:.2f} on, as tuned")
    lines.append("times       " + ", ".join(f"{stage} {ms:.1f} ms" for stage, ms in found.stages_ms.items()))
    out.print("\n".join(lines) + "\n", markup=False)
    shown = [candidate for candidate in found.candidates if candidate.rank is not None]
    left_out = [candidate for candidate in found.candidates if candidate.rank is None]
    rows = [_row(candidate) for candidate in [*shown, *left_out[:_LEFT_OUT]]]
    numbers = ["rank", "score", "dense", "cosine", "keyword", "bm25", "siblings", "weight", "reranked"]
    print_table([*numbers, "what became of it", "passage"], rows, empty="Nothing was found.")
    if len(left_out) > _LEFT_OUT:
        out.print(f"and {len(left_out) - _LEFT_OUT} more that were left out (--json)", markup=False)


def _row(candidate: Candidate) -> list[str]:
    numbers = (
        candidate.rank,
        candidate.score,
        candidate.dense_rank,
        candidate.cosine,
        candidate.keyword_rank,
        candidate.keyword_score,
        candidate.siblings,
        candidate.weight,
        candidate.reranked,
    )
    told = ["" if n is None else f"{n:.3f}" if isinstance(n, float) else str(n) for n in numbers]
    return [*told, candidate.fate, f"{candidate.uri}: {candidate.text[:60]}"]
