"""Deleting documents so that nothing of their text stays behind.

One transaction takes them out of everything that answers, their earlier versions, the records of answers that quote
them, and marks the collection; then what is derived is purged. A crash in between leaves the mark, and the next run or
`verify` finishes the purge. The manifest keeps a hash and the time, as a tombstone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from ragkit.index.generations import Generation, bump
from ragkit.index.versions import close_entries, drop_versions
from ragkit.store.answered import forget_answers
from ragkit.store.engine import Database, now
from ragkit.store.tables import (
    attempts,
    chunks,
    collections,
    documents,
    jobs,
    manifest,
    versions,
)
from ragkit.types import Receipt

__all__ = ["Erased", "Eraser"]

_WAITING = ("queued", "running", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What a deletion took out of the catalog."""

    receipts: tuple[Receipt, ...]
    chunk_ids: tuple[str, ...]
    """Of the chunks that were live."""
    files: tuple[str, ...]
    """SHA-256 of kept files that nothing refers to any more."""


class Eraser:
    """Deletes documents from the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remove(self, generation: Generation, document_ids: Iterable[str]) -> Erased:
        """Delete documents, and what was found inside them, in one transaction."""
        receipts: list[Receipt] = []
        live: list[str] = []
        files: set[str] = set()
        with self._database.write() as connection:
            rows = _with_children(connection, document_ids)
            if not rows:
                return Erased(receipts=(), chunk_ids=(), files=())
            sequence = bump(connection, generation.collection_id)
            for row in rows:
                ids, held = _delete(connection, row)
                live += ids
                files |= held
                receipts.append(Receipt(document_id=row.id, uri=row.uri, chunks=len(ids), deleted_at=now()))
            gone = [row.id for row in rows]
            close_entries(connection, gone, sequence)
            for document_id in gone:
                mine = manifest.c.document_id == document_id
                connection.execute(update(manifest).where(mine).values(erased_at=now(), version_id=None))
            forget_answers(connection, gone)
            marked = update(collections).where(collections.c.id == generation.collection_id)
            connection.execute(marked.values(erasing=True))
            files |= _uploads(connection, generation, {row.uri for row in rows})
            files -= _needed(connection, files)
        return Erased(receipts=tuple(receipts), chunk_ids=tuple(live), files=tuple(files))

    def purged(self, generation: Generation) -> None:
        """Record that nothing is left of what was deleted, after the database's own log has been cleared."""
        done = update(collections).where(collections.c.id == generation.collection_id).values(erasing=False)
        with self._database.write() as connection:
            connection.execute(done)


def _with_children(connection: Connection, document_ids: Iterable[str]) -> list[Any]:
    columns = select(documents.c.id, documents.c.uri, documents.c.live_version_id)
    rows: list[Any] = []
    for document_id in document_ids:
        rows += connection.execute(columns.where(documents.c.id == document_id))
    known = {row.id for row in rows}
    for row in rows:  # grows while it is read: what is inside comes after its container
        inside = connection.execute(columns.where(documents.c.parent_id == row.id)).all()
        rows += [child for child in inside if child.id not in known]
        known |= {child.id for child in inside}
    return rows


def _delete(connection: Connection, row: Any) -> tuple[list[str], set[str]]:
    """Delete one document; returns the ids of its live chunks and the hashes of its kept files."""
    ids = list(connection.scalars(select(chunks.c.id).where(chunks.c.version_id == row.live_version_id)))
    mine = connection.scalars(select(versions.c.id).where(versions.c.document_id == row.id)).all()
    drop_versions(connection, mine)
    # All that ever was in quarantine: what was released or replaced since is kept on disk as well.
    held = select(attempts.c.sha256).where(attempts.c.document_id == row.id, attempts.c.outcome == "quarantined")
    kept = {sha256 for sha256 in connection.scalars(held) if sha256}
    connection.execute(delete(attempts).where(attempts.c.document_id == row.id))
    connection.execute(delete(documents).where(documents.c.id == row.id))
    return ids, kept


def _uploads(connection: Connection, generation: Generation, uris: set[str]) -> set[str]:
    """The files of uploads that became these documents; jobs that have ended let go of them."""
    mine = jobs.c.collection == generation.collection, jobs.c.file_sha256 != ""
    found = connection.execute(select(jobs.c.id, jobs.c.uri, jobs.c.state, jobs.c.file_sha256).where(*mine)).all()
    uploads = [row for row in found if row.uri in uris]
    for row in uploads:
        if row.state not in _WAITING:
            connection.execute(update(jobs).where(jobs.c.id == row.id).values(file_sha256=""))
    return {row.file_sha256 for row in uploads}


def _needed(connection: Connection, files: set[str]) -> set[str]:
    """Those files that another document, or a job that can still go on, refers to."""
    held = select(documents.c.held_sha256).where(documents.c.held_sha256.in_(files))
    there = (
        select(documents.c.id)
        .join(collections, collections.c.id == documents.c.collection_id)
        .where(documents.c.uri == jobs.c.uri, collections.c.name == jobs.c.collection)
    )
    uploads = select(jobs.c.file_sha256).where(
        jobs.c.file_sha256.in_(files), there.exists() | jobs.c.state.in_((*_WAITING, "failed"))
    )
    return {*connection.scalars(held), *connection.scalars(uploads)}
