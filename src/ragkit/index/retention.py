"""The versions that are kept after they stopped answering, until their retention ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select

from ragkit.history import FilterVerdict
from ragkit.index.generations import Generation
from ragkit.index.versions import drop_versions
from ragkit.parsed import Heading, Page, Parsed
from ragkit.store.batches import batches
from ragkit.store.engine import Database
from ragkit.store.tables import bands, chunks, collections, documents, generations, manifest, versions
from ragkit.types import Chunk

__all__ = ["Retained", "Stored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A version that is kept, with all that is needed to make it live again without parsing or embedding."""

    id: int
    generation_id: int
    embedder_id: str
    """Whose vectors `vector_keys` stand for."""
    sha256: str
    size: int
    fingerprint: str
    parsed: Parsed
    chunks: tuple[Chunk, ...]
    vector_keys: tuple[bytes, ...]
    verdicts: tuple[FilterVerdict, ...]
    signature: bytes | None
    bands: tuple[bytes, ...]


class Retained:
    """Earlier versions, which a rollback or a file that is as it was before brings back without embedding."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def kept(self, generation: Generation) -> dict[tuple[str, str, str], int]:
        """Ids of the versions that are kept and not live, by document, SHA-256 and fingerprint."""
        query = (
            select(versions.c.id, versions.c.document_id, versions.c.sha256, versions.c.fingerprint)
            .join(documents, documents.c.id == versions.c.document_id)
            .where(versions.c.generation_id == generation.id)
            .where(documents.c.live_version_id.is_distinct_from(versions.c.id))
        )
        with self._database.read() as connection:
            rows = connection.execute(query)
            return {(row.document_id, row.sha256, row.fingerprint): row.id for row in rows}

    def load(self, version_id: int) -> Stored | None:
        """A version that is kept; none when it has expired meanwhile."""
        with self._database.read() as connection:
            kept = select(versions, generations.c.embedder).join(generations).where(versions.c.id == version_id)
            row = connection.execute(kept).mappings().one_or_none()
            if row is None:
                return None
            query = select(chunks).where(chunks.c.version_id == version_id).order_by(chunks.c.ordinal)
            rows = connection.execute(query).all()
            marks = connection.scalars(select(bands.c.band).where(bands.c.version_id == version_id)).all()
        return _stored(row, rows, marks)

    def expire(self, generation: Generation, before: datetime) -> int:
        """Drop the versions that stopped answering before a moment; returns how many."""
        needed = select(manifest.c.version_id).where(
            manifest.c.collection_id == generation.collection_id,
            manifest.c.version_id.is_not(None),
            manifest.c.ended_at.is_(None) | (manifest.c.ended_at >= before),
        )
        query = (
            select(versions.c.id)
            .join(documents, documents.c.id == versions.c.document_id)
            .where(documents.c.collection_id == generation.collection_id, versions.c.created_at < before)
            .where(documents.c.live_version_id.is_distinct_from(versions.c.id), versions.c.id.not_in(needed))
            .where(versions.c.generation_id.not_in(_being_built))
        )
        with self._database.read() as connection:
            old = connection.scalars(query).all()
        for batch in batches(old):
            with self._database.write() as connection:
                # Asked again: a rollback may have made one of them live meanwhile.
                still = query.where(versions.c.id.in_(batch))
                drop_versions(connection, connection.scalars(still).all())
        return len(old)


_being_built = (
    select(generations.c.id)
    .join(collections, collections.c.id == generations.c.collection_id)
    .where(generations.c.retired_at.is_(None), generations.c.id != collections.c.generation_id)
)


def _headings(kept: Sequence[dict[str, Any]] | None, rows: Sequence[Any]) -> tuple[Heading, ...]:
    """Those that were kept; of an older row those that its chunks are under, each where the first of these begins."""
    if kept is not None:
        return tuple(Heading(**heading) for heading in kept)
    found: list[Heading] = []
    before: list[str] = []
    for row in rows:
        path = row.heading.split(" > ") if row.heading else []
        same = next(
            (n for n, (a, b) in enumerate(zip(before, path, strict=False)) if a != b), min(len(before), len(path))
        )
        found += [Heading(level=n + 1, title=path[n], start=row.start) for n in range(same, len(path))]
        before = path
    return tuple(found)


def _stored(version: RowMapping, rows: Sequence[Any], marks: Sequence[bytes]) -> Stored:
    return Stored(
        id=version["id"],
        generation_id=version["generation_id"],
        embedder_id=version["embedder"]["id"],
        sha256=version["sha256"],
        size=version["size"],
        fingerprint=version["fingerprint"],
        parsed=Parsed(
            text=version["text"],
            title=version["title"],
            media_type=version["media_type"],
            pages=tuple(Page(**page) for page in version["pages"]),
            headings=_headings(version["headings"], rows),
            metadata=version["metadata"],
            warnings=tuple(version["warnings"]),
        ),
        chunks=tuple(
            Chunk(chunk_id=row.id, start=row.start, end=row.end, page=row.page, heading=row.heading, text=row.text)
            for row in rows
        ),
        vector_keys=tuple(chunk.vector_key for chunk in rows),
        verdicts=tuple(FilterVerdict(**verdict) for verdict in version["verdicts"]),
        signature=version["signature"],
        bands=tuple(marks),
    )
