"""Generations beside the live one: built from the versions that are kept, switched to, gone back to.

A version of another generation knows which version it was made from, so that what has changed meanwhile is built again
before the switch. The switch is one transaction; what a writer has not finished by then, it begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, literal, or_, select, update

from ragkit.errors import Conflict, NotFound
from ragkit.index.generations import Generation, Superseded, bump, check_current, select_generations, to_generation
from ragkit.index.rows import newest
from ragkit.index.versions import NewVersion, add_contents, add_version, drop_versions
from ragkit.protocols import EmbedderSpec
from ragkit.store.engine import Database, now
from ragkit.store.tables import chunks, collections, documents, generations, manifest, versions

__all__ = ["Beside", "Generations", "Superseded"]

_BATCH = 200


class Generations:
    """The generations of the collections of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, collection_id: int) -> list[Generation]:
        """Every generation of a collection, oldest first."""
        query = select_generations.where(collections.c.id == collection_id).order_by(generations.c.number)
        with self._database.read() as connection:
            return [to_generation(row) for row in connection.execute(query)]

    def check(self, generation: Generation) -> None:
        """Make sure that the collection of a generation is still there.

        Raises:
            NotFound: It was deleted.
        """
        if not self.all(generation.collection_id):
            raise NotFound(
                f"The collection {generation.collection!r} was deleted meanwhile.",
                hint="Ingest again if it is to be made anew.",
            )

    def now(self, generation: Generation) -> Generation:
        """A generation as it stands at this moment; as it was where it is gone."""
        with self._database.read() as connection:
            row = connection.execute(select_generations.where(generations.c.id == generation.id)).one_or_none()
        return generation if row is None else to_generation(row)

    def numbered(self, live: Generation, number: int) -> Generation:
        """The generation of the same collection with this number, which answers or did.

        Raises:
            NotFound: There is none, or it is no longer kept.
        """
        kept = {generation.number: generation for generation in (live, *self.retired(live))}
        if number not in kept:
            raise NotFound(
                f"The collection has no generation {number}; it has {', '.join(map(str, sorted(kept)))}.",
                hint="`ragkit reindex` keeps the generation before, and no older ones.",
            )
        return kept[number]

    def begin(self, live: Generation, spec: EmbedderSpec, chunking: Mapping[str, Any] | None) -> Generation:
        """The generation to build: the unfinished one where it is the same, else a new one."""
        for there in self.unfinished(live):
            if there.spec == spec and there.chunking == chunking:
                return there
        with self._database.write() as connection:
            # Locked: in Postgres, two that begin together would take the same number.
            connection.execute(select(collections.c.id).where(collections.c.id == live.collection_id).with_for_update())
            mine = generations.c.collection_id == live.collection_id
            number = connection.execute(select(func.max(generations.c.number)).where(mine)).scalar_one() + 1
            added = insert(generations).values(
                collection_id=live.collection_id,
                number=number,
                embedder=asdict(spec),
                chunking=dict(chunking) if chunking else None,
                pinned=spec != live.spec or live.pinned,
                created_at=now(),
            )
            key = connection.execute(added.returning(generations.c.id)).scalar_one()
        return next(there for there in self.all(live.collection_id) if there.id == key)

    def unfinished(self, live: Generation) -> list[Generation]:
        """Those that were begun and never answered."""
        return self._beside(live, generations.c.retired_at.is_(None))

    def retired(self, live: Generation) -> list[Generation]:
        """Those that answered before, the last of them at the end."""
        return self._beside(live, generations.c.retired_at.is_not(None))

    def previous(self, live: Generation) -> Generation:
        """The generation that answered before.

        Raises:
            Conflict: There is none.
        """
        kept = self.retired(live)
        if not kept:
            raise Conflict(f"The collection {live.collection!r} has no earlier generation to go back to.")
        return kept[-1]

    def missing(self, target: Generation) -> list[tuple[str, int]]:
        """Live documents that a generation lacks in their present version: (document id, version id)."""
        with self._database.read() as connection:
            return [(row.id, row.live_version_id) for row in connection.execute(_missing(target))]

    def made_from(self, live: Generation) -> dict[int, int]:
        """The versions of other generations that live ones were made from, by the id of the live one."""
        query = (
            select(versions.c.id, versions.c.made_from)
            .join(documents, documents.c.live_version_id == versions.c.id)
            .where(documents.c.collection_id == live.collection_id, versions.c.made_from.is_not(None))
        )
        with self._database.read() as connection:
            return {row.id: row.made_from for row in connection.execute(query)}

    def switch(self, live: Generation, target: Generation) -> bool:
        """Answer from another generation, in one transaction; false where something is missing in it.

        Raises:
            Superseded: Another process has switched meanwhile.
        """
        with self._database.write() as connection:
            check_current(connection, live)
            if connection.execute(_missing(target).limit(1)).first() is not None:
                return False
            _point(connection, target, bump(connection, live.collection_id))
            pinned = live.pinned or target.pinned or live.spec != target.spec
            for generation, moment in ((live, now()), (target, None)):
                stamped = update(generations).where(generations.c.id == generation.id)
                connection.execute(stamped.values(retired_at=moment, pinned=pinned))
        return True

    def forget(self, generation: Generation) -> None:
        """Drop a generation with its versions, a few at a time; what is derived from it is the caller's to drop."""
        with self._database.read() as connection:
            mine = connection.scalars(select(versions.c.id).where(versions.c.generation_id == generation.id)).all()
        for start in range(0, len(mine), _BATCH):
            with self._database.write() as connection:
                drop_versions(connection, mine[start : start + _BATCH])
        with self._database.write() as connection:
            connection.execute(delete(generations).where(generations.c.id == generation.id))

    def _beside(self, live: Generation, condition: ColumnElement[bool]) -> list[Generation]:
        query = select_generations.where(
            collections.c.id == live.collection_id, generations.c.id != collections.c.generation_id, condition
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(generations.c.retired_at, generations.c.number))
            return [to_generation(row) for row in rows]


class Beside:
    """Writes versions into a generation that does not answer; stands in for `Versions` where documents go live.

    Args:
        database: The catalog.
        made_from: The version that each document's new one is made from, by document id.
    """

    def __init__(self, database: Database, made_from: Mapping[str, int]) -> None:
        self._database = database
        self._made_from = made_from

    def go_live(self, generation: Generation, batch: Sequence[NewVersion]) -> tuple[list[NewVersion], list[str]]:
        """Add versions; returns those whose document is still there, and the ids of chunks that are not needed."""
        added: list[NewVersion] = []
        retired: list[str] = []
        with self._database.write() as connection:
            if connection.execute(select(generations.c.id).where(generations.c.id == generation.id)).first() is None:
                raise Conflict(
                    f"Another reindex of {generation.collection!r} has dropped what this one was building.",
                    hint="Let that one end, then run this one again.",
                )
            for version in batch:
                document_id = version.known.document_id
                new = {one.chunk.chunk_id for one in version.chunks}
                there = select(documents.c.id).where(documents.c.id == document_id)
                if connection.execute(there.with_for_update(read=True, key_share=True)).first() is None:
                    retired += new  # deleted meanwhile
                    continue
                before = select(chunks.c.id).join(versions, versions.c.id == chunks.c.version_id)
                older = before.where(versions.c.document_id == document_id, versions.c.generation_id == generation.id)
                retired += [key for key in connection.scalars(older) if key not in new]
                version_id = add_version(connection, generation, version, self._made_from[document_id])
                add_contents(connection, generation, version, version_id)
                added.append(version)
        return added, retired


def _missing(target: Generation) -> Any:
    live, theirs = versions.alias("live"), versions.alias("theirs")
    same = or_(theirs.c.made_from == live.c.id, live.c.made_from == theirs.c.id)
    built = and_(theirs.c.document_id == documents.c.id, theirs.c.id.in_(newest(target.id)), same)
    return (
        select(documents.c.id, documents.c.live_version_id)
        .join(live, live.c.id == documents.c.live_version_id)
        .where(documents.c.collection_id == target.collection_id)
        .where(~select(theirs.c.id).where(built).exists())
        .order_by(documents.c.id)
    )


def _point(connection: Connection, target: Generation, sequence: int) -> None:
    """Let every live document answer from its version in another generation, and note it in the manifest."""
    mine = and_(documents.c.collection_id == target.collection_id, documents.c.live_version_id.is_not(None))
    theirs = select(func.max(versions.c.id)).where(
        versions.c.document_id == documents.c.id, versions.c.generation_id == target.id
    )
    connection.execute(update(documents).where(mine).values(live_version_id=theirs.scalar_subquery()))
    ended = and_(manifest.c.collection_id == target.collection_id, manifest.c.until.is_(None))
    connection.execute(update(manifest).where(ended).values(until=sequence, ended_at=now()))
    columns = {
        "collection_id": documents.c.collection_id,
        "document_id": documents.c.id,
        "uri": documents.c.uri,
        "version_id": versions.c.id,
        "sha256": versions.c.sha256,
        "fingerprint": versions.c.fingerprint,
        "generation": literal(target.number),
        "since": literal(sequence),
    }
    rows = select(*columns.values()).join_from(documents, versions, versions.c.id == documents.c.live_version_id)
    connection.execute(insert(manifest).from_select(list(columns), rows.where(mine)))
    switched = update(collections).where(collections.c.id == target.collection_id)
    connection.execute(switched.values(generation_id=target.id))
