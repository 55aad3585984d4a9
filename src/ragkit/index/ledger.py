"""The catalog's record of documents on their way: found, attempted, failed, in quarantine, moved.

An attempt is written when its document has been chunked and again with every further step, so that what a crash broke
off can be seen; how versions go live is in `ragkit.index.versions`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from ragkit.index.generations import Generation, Superseded, bump
from ragkit.store.batches import batches
from ragkit.store.engine import Database, now
from ragkit.store.tables import attempts, collections, documents, grants, manifest, versions

if TYPE_CHECKING:
    from ragkit.history import Step
    from ragkit.types import DocumentState

__all__ = ["Attempt", "Finding", "Known", "Ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document that the catalog has, with what tells whether it has changed."""

    document_id: str
    uri: str
    state: DocumentState = "found"
    reason: str | None = None
    parent_id: str | None = None
    access: tuple[str, ...] = ()
    version_id: int | None = None
    sha256: str | None = None
    fingerprint: str | None = None
    held: tuple[str, str] | None = None
    """SHA-256 and fingerprint of what is in quarantine."""
    released_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A document to be known from now on."""

    uri: str
    parent_id: str | None = None
    access: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One time that a document is processed; steps are added as it goes."""

    document_id: str
    parser: str = ""
    chunker: str = ""
    sha256: str | None = None
    steps: list[tuple[Step, datetime]] = field(default_factory=list)
    id: int | None = None

    def reached(self, step: Step, at: datetime | None = None) -> None:
        self.steps.append((step, at or now()))

    def row(self, **more: object) -> dict[str, Any]:
        return {
            "document_id": self.document_id,
            "sha256": self.sha256,
            "parser": self.parser,
            "chunker": self.chunker,
            "steps": [[step, at.isoformat()] for step, at in self.steps],
            "outcome": None,
            "reason": None,
            **more,
        }


class Ledger:
    """Records what becomes of each document."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, generation: Generation) -> dict[str, Known]:
        """Every document of the collection by uri."""
        query = _known.where(documents.c.collection_id == generation.collection_id)
        with self._database.read() as connection:
            return {row.uri: _read(row) for row in connection.execute(query)}

    def one(self, document_id: str) -> Known | None:
        """A document by its id."""
        with self._database.read() as connection:
            row = connection.execute(_known.where(documents.c.id == document_id)).one_or_none()
        return None if row is None else _read(row)

    def find(self, generation: Generation, found: Sequence[Finding]) -> dict[str, Known]:
        """Record that documents exist and give them ids, by uri; one that is known already keeps its own.

        Raises:
            Superseded: The collection has been deleted.
        """
        moment = now()
        rows = [
            {
                "id": "doc_" + secrets.token_hex(10),
                "collection_id": generation.collection_id,
                "uri": finding.uri,
                "state": "found",
                "parent_id": finding.parent_id,
                "access": list(finding.access),
                "created_at": moment,
                "updated_at": moment,
            }
            for finding in found
        ]
        there: dict[str, Known] = {}
        with self._database.write() as connection:
            mine = select(collections.c.id).where(collections.c.id == generation.collection_id)
            if connection.execute(mine.with_for_update(read=True, key_share=True)).first() is None:
                raise Superseded
            if rows:
                dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
                connection.execute(dialect.insert(documents).on_conflict_do_nothing(), rows)
                _grant(connection, rows)
            for batch in batches([finding.uri for finding in found]):
                query = _known.where(documents.c.collection_id == generation.collection_id, documents.c.uri.in_(batch))
                there.update((row.uri, _read(row)) for row in connection.execute(query))
        return there

    def begin(self, work: Sequence[Attempt]) -> None:
        """Write attempts with the steps so far; each gets its id, but for those on documents deleted meanwhile."""
        added = insert(attempts).returning(attempts.c.id, sort_by_parameter_order=True)
        with self._database.write() as connection:
            there = _there(connection, [attempt.document_id for attempt in work])
            if mine := [attempt for attempt in work if attempt.document_id in there]:
                for attempt, key in zip(mine, connection.scalars(added, [a.row() for a in mine]), strict=True):
                    attempt.id = key

    def reached(self, work: Sequence[Attempt], step: Step) -> None:
        """Write that attempts have come to a step."""
        moment = now()
        for attempt in work:
            attempt.reached(step, moment)
        with self._database.write() as connection:
            write_attempts(connection, work)

    def fail(self, attempt: Attempt, reason: str) -> None:
        """Record why an attempt failed; a version that is live goes on answering."""
        self._end(attempt, "failed", reason)

    def hold(self, attempt: Attempt, fingerprint: str, reason: str) -> None:
        """Put what was attempted in quarantine; a version that is live goes on answering."""
        self._end(attempt, "quarantined", reason, held_sha256=attempt.sha256, held_fingerprint=fingerprint)

    def release(self, document_id: str) -> None:
        """Let through the bytes that are in quarantine."""
        let = update(documents).where(documents.c.id == document_id)
        with self._database.write() as connection:
            connection.execute(let.values(released_sha256=documents.c.held_sha256))

    def move(self, generation: Generation, document_id: str, uri: str) -> bool:
        """Give a document and what was found in it another uri; false when another document has it, or it is gone."""
        moment = now()
        try:
            with self._database.write() as connection:
                rows = _family(connection, document_id)
                if not rows:  # deleted meanwhile
                    return False
                old = rows[0].uri
                sequence = bump(connection, generation.collection_id)
                for row in rows:
                    moved = uri + row.uri.removeprefix(old)
                    change = update(documents).where(documents.c.id == row.id)
                    connection.execute(change.values(uri=moved, updated_at=moment))
                    _move_entry(connection, row.id, moved, sequence, moment)
        except IntegrityError:
            return False
        return True

    def seen(self, document_ids: Sequence[str]) -> None:
        """Record that the live versions of documents are what is at their source."""
        moment = now()
        with self._database.write() as connection:
            for batch in batches(document_ids):
                these = update(documents).where(documents.c.id.in_(batch))
                connection.execute(these.values(seen_at=moment))
                # A later version that failed or was held back has been undone there.
                undone = these.where(documents.c.live_version_id.is_not(None), documents.c.state != "live")
                connection.execute(undone.values(state="live", reason=None, held_sha256=None, held_fingerprint=None))

    def set_access(self, document_id: str, access: Sequence[str]) -> None:
        """Change who may see a document."""
        change = update(documents).where(documents.c.id == document_id)
        with self._database.write() as connection:
            collection_id = connection.execute(
                change.values(access=list(access), updated_at=now()).returning(documents.c.collection_id)
            ).scalar_one_or_none()
            if collection_id is None:  # deleted meanwhile
                return
            bump(connection, collection_id)
            connection.execute(delete(grants).where(grants.c.document_id == document_id))
            _grant(connection, [{"id": document_id, "access": access}])

    def _end(self, attempt: Attempt, outcome: Literal["failed", "quarantined"], reason: str, **more: object) -> None:
        attempt.reached(outcome)
        ended = update(documents).where(documents.c.id == attempt.document_id)
        with self._database.write() as connection:
            if connection.execute(ended.values(state=outcome, reason=reason, updated_at=now(), **more)).rowcount:
                connection.execute(insert(attempts).values(attempt.row(outcome=outcome, reason=reason)))


def write_attempts(connection: Connection, work: Sequence[Attempt], outcome: str | None = None) -> None:
    """Bring rows of attempts up to date."""
    for attempt in work:
        values: Mapping[str, Any] = {"steps": attempt.row()["steps"], "outcome": outcome}
        connection.execute(update(attempts).where(attempts.c.id == attempt.id).values(values))


def _there(connection: Connection, document_ids: Sequence[str]) -> set[str]:
    """Those of the documents that exist, and go on existing until the transaction ends."""
    query = select(documents.c.id).with_for_update(read=True, key_share=True)
    return {
        key for batch in batches(document_ids) for key in connection.scalars(query.where(documents.c.id.in_(batch)))
    }


def _grant(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the access tags of documents as rows, of those that are there under their ids."""
    tagged = [row for row in rows if row["access"]]
    there = _there(connection, [row["id"] for row in tagged])
    pairs = [(row["id"], tag) for row in tagged if row["id"] in there for tag in dict.fromkeys(row["access"])]
    if pairs:
        connection.execute(insert(grants), [{"document_id": key, "tag": tag} for key, tag in pairs])


_known = select(
    documents.c.id,
    documents.c.uri,
    documents.c.state,
    documents.c.reason,
    documents.c.parent_id,
    documents.c.access,
    documents.c.held_sha256,
    documents.c.held_fingerprint,
    documents.c.released_sha256,
    versions.c.id.label("version_id"),
    versions.c.sha256,
    versions.c.fingerprint,
).outerjoin_from(documents, versions, versions.c.id == documents.c.live_version_id)


def _read(row: Any) -> Known:
    return Known(
        document_id=row.id,
        uri=row.uri,
        state=row.state,
        reason=row.reason,
        parent_id=row.parent_id,
        access=tuple(row.access),
        version_id=row.version_id,
        sha256=row.sha256,
        fingerprint=row.fingerprint,
        held=(row.held_sha256, row.held_fingerprint) if row.held_sha256 else None,
        released_sha256=row.released_sha256,
    )


def _family(connection: Connection, document_id: str) -> list[Any]:
    """A document, then what was found in it, and in that."""
    rows: list[Any] = list(
        connection.execute(select(documents.c.id, documents.c.uri).where(documents.c.id == document_id))
    )
    for row in rows:
        inside = select(documents.c.id, documents.c.uri).where(documents.c.parent_id == row.id)
        rows += connection.execute(inside)
    return rows


def _move_entry(connection: Connection, document_id: str, uri: str, sequence: int, moment: datetime) -> None:
    current = (manifest.c.document_id == document_id) & manifest.c.until.is_(None)
    entry = connection.execute(select(manifest).where(current)).mappings().one_or_none()
    if entry is not None:
        connection.execute(update(manifest).where(current).values(until=sequence, ended_at=moment))
        renamed = {name: value for name, value in entry.items() if name != "id"}
        connection.execute(insert(manifest).values({**renamed, "uri": uri, "since": sequence}))
