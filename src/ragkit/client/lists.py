"""Lists of the service that may be long, asked for page by page."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from ragkit.client.calls import Call, get, given
from ragkit.history import Snapshot
from ragkit.rights import Key
from ragkit.types import Document, DocumentState, Job, PromptVersion

__all__ = ["Pages"]

T = TypeVar("T")
Pages = Generator[Call[tuple[T, ...]], tuple[T, ...], tuple[T, ...]]
"""Yields the call of each page, is sent its reply, and returns all of them."""

MOST = 500
"""Entries that the service gives at once."""


def documents(
    collection: str | None, state: DocumentState | None, *, limit: int | None, after: str | None
) -> Pages[Document]:
    of = given(collection=collection, state=state)
    return _pages(Document, "documents", ("after", lambda one: one.place), of=of, limit=limit, start=after)


def jobs(*, limit: int, before: str | None) -> Pages[Job]:
    return _pages(Job, "jobs", ("before", lambda job: job.id), limit=limit, start=before)


def keys() -> Pages[Key]:
    return _pages(Key, "keys", ("before", lambda key: key.id))


def prompts() -> Pages[PromptVersion]:
    return _pages(PromptVersion, "prompts", ("after", lambda one: f"{one.name}@{one.version}"))


def snapshots(collection: str | None) -> Pages[Snapshot]:
    return _pages(Snapshot, "snapshots", ("before", lambda one: str(one.number)), of=given(collection=collection))


def _pages(
    kind: Any,
    field: str,
    cursor: tuple[str, Callable[[Any], str]],
    *,
    of: dict[str, str] | None = None,
    limit: int | None = None,
    start: str | None = None,
) -> Pages[Any]:
    """Ask until a page is not full.

    Args:
        kind: Of the entries.
        field: Where they are in the reply, and the last part of the path.
        cursor: The name of the parameter that says where to go on, and what it is for an entry.
        of: Other parameters.
        limit: How many at most; all of them where it is none.
        start: Where to begin.
    """
    name, place = cursor
    found: tuple[Any, ...] = ()
    while True:
        size = MOST if limit is None else min(MOST, limit - len(found))
        query = (of or {}) | given(**{name: start}) | {"limit": str(size)}
        page = yield get(f"/v1/{field}", tuple[kind, ...], field=field, query=query)
        found += page
        if len(page) != size or len(found) == limit:
            return found
        start = place(page[-1])
