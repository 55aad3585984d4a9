"""Corpus snapshots: what a collection answered from at the end of each run that changed something."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, Select, insert, select

from ragkit.errors import NotFound
from ragkit.history import Snapshot, SnapshotDiff, SnapshotEntry
from ragkit.index.generations import Generation
from ragkit.store.engine import Database, now
from ragkit.store.tables import collections, manifest, snapshots

__all__ = ["Snapshots"]

_BATCH = 500


class Snapshots:
    """Records and compares snapshots."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, generation: Generation, note: str = "") -> Snapshot | None:
        """Make a snapshot of what answers now; none when nothing has changed since the newest one."""
        with self._database.write() as connection:
            # Locked: in Postgres, two that end together would take the same number.
            mine = select(collections.c.sequence).where(collections.c.id == generation.collection_id)
            sequence = connection.execute(mine.with_for_update()).scalar_one_or_none()
            if sequence is None:  # deleted meanwhile
                return None
            newest = connection.execute(_of(generation).order_by(snapshots.c.number.desc()).limit(1)).one_or_none()
            if newest is not None and newest.sequence == sequence:
                return None
            sha256, documents = _digest(connection.execute(_entries(generation, sequence)).yield_per(_BATCH))
            if (newest is not None and newest.sha256 == sha256) or (newest is None and not documents):
                return None
            added = insert(snapshots).values(
                collection_id=generation.collection_id,
                number=newest.number + 1 if newest else 1,
                sequence=sequence,
                documents=documents,
                sha256=sha256,
                note=note,
                created_at=now(),
            )
            row = connection.execute(added.returning(snapshots)).one()
        return _snapshot(row, generation.collection)

    def list(self, generation: Generation) -> tuple[Snapshot, ...]:
        """All of a collection, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(_of(generation).order_by(snapshots.c.number.desc()))
            return tuple(_snapshot(row, generation.collection) for row in rows)

    def show(self, generation: Generation, number: int) -> tuple[SnapshotEntry, ...]:
        """The manifest of one, by uri.

        Raises:
            NotFound: The collection has no such snapshot.
        """
        return tuple(_entry(row) for row in self.rows(generation, number))

    def diff(self, generation: Generation, a: int, b: int) -> SnapshotDiff:
        """What changed from snapshot `a` to snapshot `b`.

        Raises:
            NotFound: The collection has no such snapshot.
        """
        before = {row.document_id: row for row in self.rows(generation, a)}
        after = {row.document_id: row for row in self.rows(generation, b)}
        both = [(before[key], after[key]) for key in before.keys() & after.keys()]
        return SnapshotDiff(
            added=tuple(sorted(after[key].uri for key in after.keys() - before.keys())),
            changed=tuple(sorted(new.uri for old, new in both if _identity(old) != _identity(new))),
            moved=tuple(sorted((old.uri, new.uri) for old, new in both if old.uri != new.uri)),
            removed=tuple(sorted(before[key].uri for key in before.keys() - after.keys())),
        )

    def rows(self, generation: Generation, number: int | None) -> Sequence[Row[Any]]:
        """Rows of the manifest: of a snapshot, or of what answers now."""
        with self._database.read() as connection:
            if number is None:
                return connection.execute(_entries(generation, None)).all()
            row = connection.execute(_of(generation).where(snapshots.c.number == number)).one_or_none()
            if row is None:
                raise NotFound(
                    f"The collection {generation.collection!r} has no snapshot {number}.",
                    hint="`ragkit snapshots list` shows every number.",
                )
            return connection.execute(_entries(generation, row.sequence)).all()


def _of(generation: Generation) -> Any:
    return select(snapshots).where(snapshots.c.collection_id == generation.collection_id)


def _entries(generation: Generation, sequence: int | None) -> Select[Any]:
    query = select(manifest).where(manifest.c.collection_id == generation.collection_id)
    if sequence is None:
        query = query.where(manifest.c.until.is_(None))
    else:
        still = manifest.c.until.is_(None) | (manifest.c.until > sequence)
        query = query.where(manifest.c.since <= sequence, still)
    return query.order_by(manifest.c.uri, manifest.c.document_id)


def _digest(rows: Iterable[Row[Any]]) -> tuple[str, int]:
    """The hash of a manifest, and how many documents it has."""
    digest, documents = hashlib.sha256(), 0
    for row in rows:
        digest.update(f"{row.uri}\t{row.document_id}\t{row.sha256}\t{row.fingerprint}\t{row.generation}\n".encode())
        documents += 1
    return digest.hexdigest(), documents


def _identity(row: Row[Any]) -> tuple[str, str, int]:
    return row.sha256, row.fingerprint, row.generation


def _snapshot(row: Row[Any], collection: str) -> Snapshot:
    return Snapshot(
        collection=collection,
        number=row.number,
        documents=row.documents,
        sha256=row.sha256,
        note=row.note,
        created_at=row.created_at,
    )


def _entry(row: Row[Any]) -> SnapshotEntry:
    return SnapshotEntry(
        uri=row.uri,
        document_id=row.document_id,
        version=row.sha256,
        processing=row.fingerprint,
        generation=row.generation,
        kept=row.version_id is not None,
        erased_at=row.erased_at,
    )
