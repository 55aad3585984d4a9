"""Which version of a document answers: versions go live, are withdrawn, expire.

A version becomes live in one transaction that compares and swaps the version it replaces, so two writers on one
document cannot both win. What it replaces is kept until its retention ends; the manifest says what answered when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, insert, select, update

from ragkit.history import FilterVerdict
from ragkit.index.duplicates import passage_key
from ragkit.index.generations import Generation, bump, check_current
from ragkit.index.ledger import Attempt, Known, write_attempts
from ragkit.index.scope import facet_rows
from ragkit.parsed import Parsed
from ragkit.store.batches import batches
from ragkit.store.embeddings import drop_unused, put_vectors
from ragkit.store.engine import Database, now
from ragkit.store.tables import bands, chunks, documents, facets, manifest, snapshots, versions
from ragkit.types import Chunk

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["NewChunk", "NewVersion", "Versions", "add_contents", "add_version", "close_entries", "drop_versions"]


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
    attempt: Attempt
    sha256: str
    size: int
    fingerprint: str
    parsed: Parsed
    chunks: tuple[NewChunk, ...]
    verdicts: tuple[FilterVerdict, ...] = ()
    signature: bytes | None = None
    bands: tuple[bytes, ...] = ()


class Versions:
    """Switches documents between versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def go_live(self, generation: Generation, batch: Sequence[NewVersion]) -> tuple[list[NewVersion], list[str]]:
        """Switch documents to their new versions, all in one transaction.

        Raises:
            Superseded: The generation does not answer any more.

        Returns:
            The versions that are live now (not those whose document another writer changed meanwhile), and the ids of
            the chunks that are not, or no longer.
        """
        switched: list[NewVersion] = []
        retired: list[str] = []
        with self._database.write() as connection:
            check_current(connection, generation)
            sequence = bump(connection, generation.collection_id)
            before = {v.known.document_id: _chunk_ids(connection, v.known.version_id) for v in batch}
            for version in batch:
                version_id = _swap(connection, generation, version)
                if version_id is None:
                    continue
                switched.append(version)
                retired += before[version.known.document_id]
                close_entries(connection, [version.known.document_id], sequence)
                connection.execute(insert(manifest).values(_entry(generation, version, version_id, sequence)))
                version.attempt.reached("live")
            write_attempts(connection, [version.attempt for version in switched], outcome="live")
            lost = [version for version in batch if version not in switched]
            retired += [new.chunk.chunk_id for version in lost for new in version.chunks]
            # Equal versions have equal chunk ids: what a faster writer of the same bytes made live stays.
            return switched, sorted(set(retired) - _live(connection, retired))

    def left_behind(self, generation: Generation) -> list[str]:
        """Chunks that stopped answering after the newest snapshot: a run that broke off may not have removed them."""
        newest = select(func.coalesce(func.max(snapshots.c.sequence), 0))
        since = newest.where(snapshots.c.collection_id == generation.collection_id).scalar_subquery()
        ended = (manifest.c.collection_id == generation.collection_id) & (manifest.c.until > since)
        query = (
            select(chunks.c.id)
            .join(versions, versions.c.id == chunks.c.version_id)
            .where(versions.c.generation_id == generation.id)
            .where(versions.c.id.in_(select(manifest.c.version_id).where(ended, manifest.c.version_id.is_not(None))))
        )
        with self._database.read() as connection:
            ids = connection.scalars(query).all()
            return sorted(set(ids) - _live(connection, ids))

    def withdraw(self, generation: Generation, document_ids: Sequence[str]) -> list[str]:
        """Take documents out of what answers, and keep their versions; returns the ids of their chunks."""
        retired: list[str] = []
        with self._database.write() as connection:
            sequence = bump(connection, generation.collection_id)
            for document_id in document_ids:
                one = documents.c.id == document_id
                live = connection.execute(select(documents.c.live_version_id).where(one)).scalar_one_or_none()
                retired += _chunk_ids(connection, live)
                gone = update(documents).where(one)
                connection.execute(gone.values(live_version_id=None, state="withdrawn", updated_at=now()))
            close_entries(connection, document_ids, sequence)
        return retired


def close_entries(connection: Connection, document_ids: Sequence[str], sequence: int) -> None:
    """Note in the manifest that documents answer no longer as they did."""
    for batch in batches(document_ids):
        current = manifest.c.document_id.in_(batch) & manifest.c.until.is_(None)
        connection.execute(update(manifest).where(current).values(until=sequence, ended_at=now()))


def drop_versions(connection: Connection, version_ids: Sequence[int]) -> None:
    """Delete versions, their chunks and the vectors that only they used; the manifest keeps their hashes."""
    keys: set[bytes] = set()
    for version_id in version_ids:
        mine = chunks.c.version_id == version_id
        keys.update(connection.scalars(select(chunks.c.vector_key).where(mine)))
        connection.execute(delete(chunks).where(mine))
        for labels in (bands, facets):
            connection.execute(delete(labels).where(labels.c.version_id == version_id))
        connection.execute(delete(versions).where(versions.c.id == version_id))
        connection.execute(update(manifest).where(manifest.c.version_id == version_id).values(version_id=None))
    drop_unused(connection, keys)


def _swap(connection: Connection, generation: Generation, version: NewVersion) -> int | None:
    """Insert the version and point the document at it, unless somebody else has moved it."""
    mine = documents.c.id == version.known.document_id
    there = connection.execute(select(documents.c.live_version_id).where(mine).with_for_update()).one_or_none()
    if there is None or there.live_version_id != version.known.version_id:  # deleted, or changed
        return None
    version_id = add_version(connection, generation, version)
    swap = update(documents).where(mine).values(live_version_id=version_id, state="live", reason=None, updated_at=now())
    connection.execute(swap.values(held_sha256=None, held_fingerprint=None))
    add_contents(connection, generation, version, version_id)
    return version_id


def add_version(
    connection: Connection, generation: Generation, version: NewVersion, made_from: int | None = None
) -> int:
    """Insert the row of a version, and return its id."""
    row = {**_row(generation, version), "made_from": made_from}
    version_id: int = connection.execute(insert(versions).values(row).returning(versions.c.id)).scalar_one()
    return version_id


def add_contents(connection: Connection, generation: Generation, version: NewVersion, version_id: int) -> None:
    """Insert what a version consists of: its chunks with their vectors, and what it is found by."""
    _replace_twin(connection, generation, version, version_id)
    if said := facet_rows(version_id, version.parsed.metadata):
        connection.execute(insert(facets), said)
    if version.bands:
        connection.execute(insert(bands), [{"band": band, "version_id": version_id} for band in set(version.bands)])
    if version.chunks:
        connection.execute(insert(chunks), [_chunk_row(version_id, n, new) for n, new in enumerate(version.chunks)])
        # Again, and here: since they were stored, another writer may have removed the last chunk that used one.
        put_vectors(connection, [(new.vector_key, new.vector) for new in version.chunks])


def _replace_twin(connection: Connection, generation: Generation, version: NewVersion, version_id: int) -> None:
    """Where the same version was kept and comes back, the new row takes its place: their chunks have the same ids."""
    twins = select(versions.c.id).where(
        versions.c.document_id == version.known.document_id,
        versions.c.generation_id == generation.id,
        versions.c.sha256 == version.sha256,
        versions.c.fingerprint == version.fingerprint,
        versions.c.id != version_id,
    )
    for twin in connection.scalars(twins).all():
        connection.execute(update(manifest).where(manifest.c.version_id == twin).values(version_id=version_id))
        drop_versions(connection, [twin])


def _live(connection: Connection, chunk_ids: Sequence[str]) -> set[str]:
    """Those of the chunks that answer now."""
    query = select(chunks.c.id).join(documents, documents.c.live_version_id == chunks.c.version_id)
    return {
        chunk_id for batch in batches(chunk_ids) for chunk_id in connection.scalars(query.where(chunks.c.id.in_(batch)))
    }


def _chunk_ids(connection: Connection, version_id: int | None) -> list[str]:
    return list(connection.scalars(select(chunks.c.id).where(chunks.c.version_id == version_id)))


def _row(generation: Generation, version: NewVersion) -> dict[str, Any]:
    parsed = version.parsed
    return {
        "document_id": version.known.document_id,
        "generation_id": generation.id,
        "sha256": version.sha256,
        "fingerprint": version.fingerprint,
        "size": version.size,
        "title": parsed.title,
        "media_type": parsed.media_type,
        "text": parsed.text,
        "pages": [asdict(page) for page in parsed.pages],
        "headings": [asdict(heading) for heading in parsed.headings],
        "metadata": dict(parsed.metadata),
        "warnings": list(parsed.warnings),
        "verdicts": [asdict(verdict) for verdict in version.verdicts],
        "signature": version.signature,
        "created_at": now(),
    }


def _chunk_row(version_id: int, ordinal: int, new: NewChunk) -> dict[str, Any]:
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
        "passage_key": passage_key(chunk.heading, chunk.text),
    }


def _entry(generation: Generation, version: NewVersion, version_id: int, sequence: int) -> dict[str, Any]:
    return {
        "collection_id": generation.collection_id,
        "document_id": version.known.document_id,
        "uri": version.known.uri,
        "version_id": version_id,
        "sha256": version.sha256,
        "fingerprint": version.fingerprint,
        "generation": generation.number,
        "since": sequence,
    }
