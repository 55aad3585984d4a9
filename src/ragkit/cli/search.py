"""`ragkit search`: ranked passages."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.connect import kit
from ragkit.cli.options import Collection, Json, Mmr, Where, filters_of
from ragkit.cli.output import console, print_json
from ragkit.types import Hit, Mode

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(search)


def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.", min=1, max=200)] = 10,
    collection: Collection = None,
    mode: Annotated[Mode, typer.Option(help="How to search.")] = "hybrid",
    where: Where = None,
    mmr: Mmr = None,
    json: Json = False,
) -> None:
    """Find the passages that are nearest to a question, best first."""
    with kit() as ragkit:
        result = ragkit.search(query, collection=collection, k=k, mode=mode, filters=filters_of(where), mmr=mmr)
    if json:
        print_json(result)
        return
    if not result.hits:
        console(stderr=True).print("Nothing was found.")
    for hit in result.hits:
        _print(hit)


def _print(hit: Hit) -> None:
    from rich.markup import escape

    out = console()
    place = escape(" · ".join(part for part in (hit.title, hit.page and f"page {hit.page}", hit.heading) if part))
    out.print(f"[bold]{hit.rank}. {place}[/]  [dim]{hit.score:.3f} {'+'.join(hit.via)}[/]")
    out.print(f"[dim]{escape(hit.uri)}[/]")
    if hit.also_in:
        out.print(f"[dim]also in {escape(', '.join(hit.also_in))}[/]")
    out.print(escape(hit.text.strip()) + "\n")
