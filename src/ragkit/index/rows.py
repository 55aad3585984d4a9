"""Rows of the catalog as values, and the queries that give them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, bindparam, func, select

from ragkit.history import Attempt
from ragkit.store.batches import batches
from ragkit.store.tables import chunks, collections, documents, versions
from ragkit.types import Chunk, Document, Hit

if TYPE_CHECKING:
    from ragkit.index.generations import Generation

__all__ = [
    "ByIds",
    "Place",
    "newest",
    "of_generation",
    "select_chunks",
    "select_documents",
    "siblings",
    "to_attempt",
    "to_chunk",
    "to_document",
    "to_hit",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What tells a chunk from others, without its text.

    Attributes:
        passage_key: Equal in all chunks that say the same, white space apart, under the same headings.
        siblings: How many chunks its document has, itself among them.
    """

    chunk_id: str
    document_id: str
    uri: str
    passage_key: bytes
    siblings: int


def select_documents(*more: Any) -> Select[Any]:
    count = select(func.count()).where(chunks.c.version_id == versions.c.id).scalar_subquery()
    return (
        select(
            documents,
            collections.c.name.label("collection"),
            versions.c.sha256,
            versions.c.size,
            versions.c.title,
            versions.c.media_type,
            versions.c.pages,
            versions.c.metadata,
            count.label("chunks"),
            *more,
        )
        .join(collections, collections.c.id == documents.c.collection_id)
        .outerjoin(versions, versions.c.id == documents.c.live_version_id)
    )


def select_chunks() -> Select[Any]:
    """Chunks of live versions, with what their documents are called."""
    return of_live(select(chunks, documents.c.id.label("document_id"), documents.c.uri, versions.c.title))


def siblings() -> ColumnElement[int]:
    """How many chunks a version has, told by the last of them, as an index gives that at once."""
    others = chunks.alias()
    last = select(func.max(others.c.ordinal)).where(others.c.version_id == versions.c.id)
    return (last.scalar_subquery() + 1).label("siblings")


def of_live(query: Select[Any]) -> Select[Any]:
    """Narrow a query over chunks to those of live versions."""
    return _with_documents(query).where(documents.c.live_version_id == versions.c.id)


def of_generation(query: Select[Any], generation: Generation) -> Select[Any]:
    """Narrow a query over chunks to those that a generation answers from, or would if it were switched to.

    In a generation beside the live one that is the newest version of each document.
    """
    if not generation.beside:
        return of_live(query).where(documents.c.collection_id == generation.collection_id)
    beside = documents.c.live_version_id.is_not(None)
    return _with_documents(query).where(beside, versions.c.id.in_(newest(generation.id)))


class ByIds:
    """A query over chunks for those of some ids, put together once: that takes as long as to run it.

    The database is to begin with the ids. Sums hide the other columns from the choice of an index: SQLite would read
    every document of the collection for each id.

    Args:
        query: What is wanted of chunks, versions and documents.
    """

    def __init__(self, query: Select[Any]) -> None:
        of_ids = chunks.c.id.in_(bindparam("ids", expanding=True))
        mine = _with_documents(query).where(of_ids, documents.c.collection_id + 0 == bindparam("collection_id"))
        current = (versions.c.id + 0).in_(newest(bindparam("generation_id")))
        self._live = mine.where(documents.c.live_version_id == versions.c.id)
        self._beside = mine.where(current, documents.c.live_version_id.is_not(None))

    def query(self, generation: Generation) -> Select[Any]:
        """It takes the parameters `ids`, `collection_id` and `generation_id`."""
        return self._beside if generation.beside else self._live

    def rows(
        self, connection: Connection, generation: Generation, ids: Sequence[str], *where: ColumnElement[bool]
    ) -> Iterator[Row[Any]]:
        """Of what a generation answers from, in no order."""
        query = self.query(generation).where(*where) if where else self.query(generation)
        of = {"collection_id": generation.collection_id, "generation_id": generation.id}
        for batch in batches(ids):
            yield from connection.execute(query, {"ids": batch, **of}).all()


def _with_documents(query: Select[Any]) -> Select[Any]:
    joined = query.join_from(chunks, versions, versions.c.id == chunks.c.version_id)
    return joined.join(documents, documents.c.id == versions.c.document_id)


def newest(generation_id: int | BindParameter[int]) -> Select[tuple[int]]:
    """Ids of the newest version of each document in a generation."""
    mine = select(func.max(versions.c.id)).where(versions.c.generation_id == generation_id)
    return mine.group_by(versions.c.document_id)


def to_document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        collection=row.collection,
        uri=row.uri,
        title=row.title or "",
        media_type=row.media_type or "",
        state=row.state,
        version=row.sha256,
        size=row.size or 0,
        pages=len(row.pages or ()),
        chunks=row.chunks,
        metadata=row.metadata or {},
        reason=row.reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
        parent_id=row.parent_id,
        access=tuple(row.access),
        seen_at=row.seen_at,
    )


def to_attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        version=row.sha256,
        parser=row.parser,
        chunker=row.chunker,
        steps=tuple((step, datetime.fromisoformat(at)) for step, at in row.steps),
        outcome=row.outcome,
        reason=row.reason,
    )


def to_chunk(row: Row[Any]) -> Chunk:
    return Chunk(chunk_id=row.id, start=row.start, end=row.end, page=row.page, heading=row.heading, text=row.text)


def to_hit(row: Row[Any]) -> Hit:
    return Hit(
        rank=0,
        score=0.0,
        via=(),
        document_id=row.document_id,
        uri=row.uri,
        title=row.title,
        page=row.page,
        heading=row.heading,
        chunk_id=row.id,
        start=row.start,
        end=row.end,
        text=row.text,
    )
