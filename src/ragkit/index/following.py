"""Keeps the keyword index of this machine true to the catalog, which other machines write to as well.

Beside the index stands a mark: how far the catalog had come when the index held all of it. Whoever searches and finds
the catalog further compares the documents that have changed since, and mends what differs. Whoever ingests writes to
the index of their own machine first, so that there is nothing left to mend there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from ragkit.errors import Busy
from ragkit.index.contents import Moment, changed_since, newest_entry
from ragkit.index.keywords import LOCK_WAIT_S
from ragkit.store.tables import collections, manifest

if TYPE_CHECKING:
    from ragkit.index.catalog import Catalog
    from ragkit.index.generations import Generation
    from ragkit.index.keywords import TantivyIndex
    from ragkit.index.rebuilding import Generations
    from ragkit.protocols import KeywordEntry
    from ragkit.store.engine import Database

__all__ = ["FollowingKeywords"]


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """How far the catalog had come.

    Attributes:
        created_at: Tells the generation from a deleted one of the same name.
        sequence: Of the collection.
        entry: The newest entry of the manifest.
        erased_at: When something was erased last.
        erasing: Whether it is still being purged.
    """

    created_at: str
    sequence: int
    entry: int
    erased_at: str
    erasing: bool

    @classmethod
    def read(cls, text: str | None) -> _Mark | None:
        with suppress(ValueError, TypeError):
            return cls(**json.loads(text or ""))
        return None

    def written(self) -> str:
        return json.dumps(asdict(self))


class FollowingKeywords:
    """The keyword index of a generation on this machine; made from the catalog where there is none.

    Args:
        index: What is on disk.
        database: Where the catalog is.
        catalog: What the index must hold.
        generations: Tells whether the generation answers.
        generation: As the caller knows it.
    """

    def __init__(
        self,
        index: TantivyIndex,
        database: Database,
        catalog: Catalog,
        generations: Generations,
        generation: Generation,
    ) -> None:
        self._index = index
        self._database = database
        self._catalog = catalog
        self._generations = generations
        self._generation = generation

    def update(self, *, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        """Add and remove entries, as the writer of this machine does before they are live and after."""
        if not add and not delete:
            return
        if self._index.mark() is None:
            self._follow()
        self._index.update(add=add, delete=delete)
        with suppress(Busy):
            self._follow(wait_s=0.0)

    def search(self, query: str, *, k: int, document_ids: Sequence[str] = ()) -> list[tuple[str, float]]:
        self._catch_up()
        return self._index.search(query, k=k, document_ids=document_ids)

    def terms(self, query: str) -> dict[str, int]:
        self._catch_up()
        return self._index.terms(query)

    def ids(self) -> set[str]:
        """Every chunk id that can be found."""
        self._follow()
        return self._index.ids()

    def rebuild(self, entries: Iterable[KeywordEntry]) -> None:
        """Build it anew from entries, which are read from the catalog while it is built."""
        mark = self._now()
        self._index.rebuild(entries, mark=None if mark is None else mark.written())

    def drop(self) -> None:
        self._index.drop()

    def _catch_up(self) -> None:
        """Follow where the catalog is known to be further than the index."""
        mark, generation = _Mark.read(self._index.mark()), self._generation
        if mark is None or mark.created_at != _created(generation):
            self._follow()
        elif not generation.beside and mark.sequence < generation.sequence:
            with suppress(Busy):  # somebody is writing to it at this moment; what is in it answers meanwhile
                self._follow(wait_s=0.0)

    def _follow(self, *, wait_s: float = LOCK_WAIT_S) -> None:
        generation, at = self._generations.now(self._generation), self._now()
        if at is None:
            return  # the collection is gone
        text = self._index.mark()
        mark = _Mark.read(text)
        erased = mark is not None and not at.erasing and (mark.erasing or mark.erased_at != at.erased_at)
        if mark is None or mark.created_at != at.created_at or erased:
            # Also after an erasure on another machine: what is taken out of an index stays on disk for a time.
            _log.info("Making the keyword index of %r anew from the catalog.", generation.collection)
            self._index.rebuild(self._catalog.keyword_entries(generation), mark=at.written(), before=text)
        elif not generation.beside and mark != at:
            with self._database.read() as connection:
                since = Moment(sequence=mark.sequence, entry=mark.entry)
                changed = sorted(changed_since(connection, generation.collection_id, since))
            there = self._index.ids(changed)
            live = set(self._catalog.live_chunks(generation, document_ids=changed))
            add = list(self._catalog.keyword_entries(generation, chunk_ids=sorted(live - there)))
            self._index.advance(text, at.written(), add=add, delete=sorted(there - live), wait_s=wait_s)

    def _now(self) -> _Mark | None:
        with self._database.read() as connection:
            return _mark(connection, self._generation)


def _mark(connection: Connection, generation: Generation) -> _Mark | None:
    columns = select(collections.c.sequence, collections.c.erasing)
    row = connection.execute(columns.where(collections.c.id == generation.collection_id)).one_or_none()
    if row is None:
        return None
    ended = (manifest.c.collection_id == generation.collection_id) & manifest.c.until.is_not(None)
    erased_at = connection.execute(select(func.max(manifest.c.erased_at)).where(ended)).scalar_one()
    return _Mark(
        created_at=_created(generation),
        sequence=row.sequence,
        entry=newest_entry(connection, generation.collection_id),
        erased_at=erased_at.isoformat() if erased_at else "",
        erasing=bool(row.erasing),
    )


def _created(generation: Generation) -> str:
    return generation.created_at.isoformat() if generation.created_at else ""
