"""Rows of the catalog as values, and the queries that give them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select

from ragkit.history import Attempt
from ragkit.store.tables import chunks, collections, documents, versions
from ragkit.types import Chunk, Document, Hit

__all__ = ["select_chunks", "select_documents", "to_attempt", "to_chunk", "to_document", "to_hit"]


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
    return select(chunks, documents.c.id.label("document_id"), documents.c.uri, versions.c.title).select_from(
        chunks.join(versions, versions.c.id == chunks.c.version_id).join(
            documents, documents.c.live_version_id == versions.c.id
        )
    )


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
