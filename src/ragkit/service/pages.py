"""Pages of the lists that are read whole, because they are short: keys, prompts, snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import Field

from ragkit.errors import NotFound
from ragkit.service.deps import Name, Storable

__all__ = ["After", "Before", "Limit", "page"]

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Before = Annotated[Name | None, Query(description="Go on after the entry with this id, towards older ones.")]
Place = Annotated[Storable, Field(min_length=1, max_length=5_000)]
After = Annotated[Place | None, Query(description="Go on after this place.")]


def page(found: Sequence[T], place: Callable[[T], str], *, start: str | None, limit: int) -> tuple[T, ...]:
    """The entries after the one at a place.

    Raises:
        NotFound: There is none.
    """
    first = 0
    if start is not None:
        first = next((number for number, one in enumerate(found, 1) if place(one) == start), 0)
        if not first:
            raise NotFound(f"There is no entry {start!r} to go on after.", hint="Ask for the list from its beginning.")
    return tuple(found[first : first + limit])
