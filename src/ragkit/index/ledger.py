"""The write side of the catalog: documents are found, their versions go live, fail or are removed.

A version becomes live in one transaction that compares and swaps the version it replaces, so two writers on one
document cannot both win, and a failed update leaves the old version answering.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ragkit.index.generations import Generation, bump
from ragkit.parsed import Parsed
from ragkit.store.embeddings import put_vectors
from ragkit.store.engine import Database, now
from ragkit.store.tables import chunks, documents, vectors, versions
from ragkit.types import Chunk, Receipt

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["Known", "Ledger", "NewChunk", "NewVersion"]

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document that the catalog has, with what tells whether it has changed."""

    document_id: str
    version_id: int | None = None
    sha256: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChunk:
    """A chunk with its vector and the key that the vector is stored under."""

    chunk: Chunk
    vector_key: bytes
    vector: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version that is parsed, chunked and embedded, ready to go live."""

    known: Known
    """What the document was when the work began."""
    sha256: str
    size: int
    fingerprint: str
    parsed: Parsed
    chunks: tuple[NewChunk, ...]


class Ledger:
    """Records what becomes of each document."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, generation: Generation) -> dict[str, Known]:
        """Every document of the collection by uri."""
        query = (
            select(
                documents.c.uri,
                documents.c.id,
                versions.c.id.label("version_id"),
                versions.c.sha256,
                versions.c.fingerprint,
            )
            .outerjoin(versions, versions.c.id == documents.c.live_version_id)
            .where(documents.c.collection_id == generation.collection_id)
        )
        with self._database.read() as connection:
            return {
                row.uri: Known(
                    document_id=row.id, version_id=row.version_id, sha256=row.sha256, fingerprint=row.fingerprint
                )
                for row in connection.execute(query)
            }

    def find(self, generation: Generation, uri: str) -> Known:
        """Record that a document exists, and give it its id; one that is known already keeps its own."""
        moment = now()
        document_id = "doc_" + secrets.token_hex(10)
        row = {
            "id": document_id,
            "collection_id": generation.collection_id,
            "uri": uri,
            "state": "found",
            "created_at": moment,
            "updated_at": moment,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(documents).values(row))
        except IntegrityError:  # another process found it first
            return self.known(generation)[uri]
        return Known(document_id=document_id)

    def go_live(self, generation: Generation, batch: Sequence[NewVersion]) -> tuple[list[NewVersion], list[str]]:
        """Switch documents to their new versions, all in one transaction.

        Returns:
            The versions that are live now (not those whose document another writer changed meanwhile), and the ids of
            the chunks that no longer are.
        """
        switched: list[NewVersion] = []
        retired: list[str] = []
        with self._database.write() as connection:
            for version in batch:
                if _swap(connection, generation, version):
                    switched.append(version)
                    if version.known.version_id is not None:
                        retired += _drop_version(connection, version.known.version_id)
            if switched:
                bump(connection, generation.collection_id)
        return switched, retired

    def fail(self, document_id: str, reason: str) -> None:
        """Record why the newest attempt failed; a version that is live goes on answering."""
        failed = update(documents).where(documents.c.id == document_id)
        with self._database.write() as connection:
            connection.execute(failed.values(state="failed", reason=reason, updated_at=now()))

    def remove(self, generation: Generation, document_ids: Iterable[str]) -> tuple[list[Receipt], list[str]]:
        """Remove documents with their chunks and the vectors that no other chunk uses.

        Returns:
            A receipt for each document that was there, and the ids of the chunks that went.
        """
        receipts: list[Receipt] = []
        gone: list[str] = []
        with self._database.write() as connection:
            for document_id in document_ids:
                row = connection.execute(
                    select(documents.c.uri, documents.c.live_version_id).where(documents.c.id == document_id)
                ).one_or_none()
                if row is None:
                    continue
                ids = [] if row.live_version_id is None else _drop_version(connection, row.live_version_id)
                connection.execute(delete(documents).where(documents.c.id == document_id))
                receipts.append(Receipt(document_id=document_id, uri=row.uri, chunks=len(ids), deleted_at=now()))
                gone += ids
            if receipts:
                bump(connection, generation.collection_id)
        return receipts, gone


def _swap(connection: Connection, generation: Generation, version: NewVersion) -> bool:
    """Insert the version and point the document at it, unless somebody else has moved it."""
    moment = now()
    parsed = version.parsed
    added = insert(versions).values(
        document_id=version.known.document_id,
        generation_id=generation.id,
        sha256=version.sha256,
        fingerprint=version.fingerprint,
        size=version.size,
        title=parsed.title,
        media_type=parsed.media_type,
        text=parsed.text,
        pages=[asdict(page) for page in parsed.pages],
        metadata=dict(parsed.metadata),
        warnings=list(parsed.warnings),
        created_at=moment,
    )
    version_id = connection.execute(added.returning(versions.c.id)).scalar_one()
    swap = (
        update(documents)
        .where(documents.c.id == version.known.document_id)
        .where(documents.c.live_version_id.is_not_distinct_from(version.known.version_id))
        .values(live_version_id=version_id, state="live", reason=None, updated_at=moment)
    )
    if connection.execute(swap).rowcount != 1:
        connection.execute(delete(versions).where(versions.c.id == version_id))
        return False
    if version.chunks:
        connection.execute(insert(chunks), [_row(version_id, n, new) for n, new in enumerate(version.chunks)])
        # Again, and here: since they were stored, another writer may have removed the last chunk that used one.
        put_vectors(connection, [(new.vector_key, new.vector) for new in version.chunks])
    return True


def _row(version_id: int, ordinal: int, new: NewChunk) -> dict[str, Any]:
    chunk = new.chunk
    return {
        "id": chunk.chunk_id,
        "version_id": version_id,
        "ordinal": ordinal,
        "start": chunk.start,
        "end": chunk.end,
        "page": chunk.page,
        "heading": chunk.heading,
        "text": chunk.text,
        "vector_key": new.vector_key,
    }


def _drop_version(connection: Connection, version_id: int) -> list[str]:
    """Delete a version, its chunks and the vectors that only they used; returns the chunk ids."""
    rows = connection.execute(select(chunks.c.id, chunks.c.vector_key).where(chunks.c.version_id == version_id)).all()
    connection.execute(delete(chunks).where(chunks.c.version_id == version_id))
    connection.execute(delete(versions).where(versions.c.id == version_id))
    keys = list({row.vector_key for row in rows})
    used = select(chunks.c.vector_key)
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        unused = vectors.c.key.in_(batch) & vectors.c.key.not_in(used.where(chunks.c.vector_key.in_(batch)))
        connection.execute(delete(vectors).where(unused))
    return [row.id for row in rows]
