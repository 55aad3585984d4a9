"""Collections and their generations.

A generation is stamped with the embedder that made its vectors, so that two vector spaces are never mixed: a collection
that was built with another embedder refuses, and names the setting to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ragkit.errors import Conflict, NotFound
from ragkit.index.names import check_name
from ragkit.index.scope import seen
from ragkit.index.weights import SourceWeight, set_weight
from ragkit.protocols import EmbedderSpec
from ragkit.store.engine import Database, now
from ragkit.store.tables import chunks, collections, documents, generations, versions
from ragkit.types import Collection

__all__ = ["Collections", "Generation", "Superseded", "bump", "check_current", "select_generations", "to_generation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The live generation of a collection.

    Attributes:
        sequence: Rises with every change of what the collection answers from.
        created_at: Tells it from a deleted one, whose id is given out again.
        untagged: Whether documents without access tags can be seen by callers that carry some.
        chunking: The chunk profile that a reindex asked for; none where settings and pipelines say it.
        pinned: Its embedder was chosen by a reindex, and is opened whatever the setting says.
        beside: It is not the one that answers: it is being built, or kept to go back to.
        dense_offset: Moves the weight of hybrid search towards vectors (above 0) or keywords, as it was tuned.
        answers_from: The probability of an answer from which on it is given, as it was tuned; none where it was not.
        weights: What the documents of single pipelines count, by what their uris begin with.
        store: Names the Chroma collection and the tantivy folder.
    """

    id: int
    collection_id: int
    collection: str
    number: int
    spec: EmbedderSpec
    sequence: int
    created_at: datetime | None = None
    untagged: bool = False
    chunking: Mapping[str, Any] | None = field(default=None, hash=False)
    pinned: bool = False
    beside: bool = False
    dense_offset: float = 0.0
    answers_from: float | None = None
    weights: Mapping[str, SourceWeight] = field(default_factory=dict, hash=False)

    @property
    def store(self) -> str:
        return f"c{self.collection_id}-g{self.number}"

    @property
    def state(self) -> tuple[int, datetime | None, int]:
        """Equal only where it answers from the same."""
        return self.id, self.created_at, self.sequence


class Superseded(Exception):
    """A generation was written to that answers no more: a reindex has switched, or the collection was deleted."""


class Collections:
    """The collections of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self) -> None:
        """Read something.

        Raises:
            StorageError: The catalog cannot be read.
        """
        with self._database.read() as connection:
            connection.execute(select(collections.c.id).limit(1)).all()

    def get(self, name: str) -> Generation:
        """The generation that answers for a collection.

        Raises:
            NotFound: There is no such collection.
        """
        with self._database.look_up() as connection:
            row = connection.execute(_live, {"name": name}).one_or_none()
            if row is not None:
                return to_generation(row)
            known = connection.scalars(select(collections.c.name).order_by(collections.c.name)).all()
        there = f"There are: {', '.join(known)}." if known else "There is none yet: `ragkit ingest PATH` makes one."
        raise NotFound(f"There is no collection {name!r}.", hint=there)

    def ensure(self, name: str, spec: EmbedderSpec) -> Generation:
        """The generation to write to; a new collection gets its first.

        Raises:
            Conflict: The collection was built with another embedder.
        """
        check_name(name)
        try:
            generation = self.get(name)
        except NotFound:
            generation = self._create(name, spec)
        if generation.spec != spec and not generation.pinned:
            raise Conflict(
                f"Collection {name!r} was built with {generation.spec.id!r} ({generation.spec.dimension} dimensions), "
                f"not with {spec.id!r} ({spec.dimension}).",
                hint=f"Set RAGKIT_EMBEDDER={generation.spec.name}, ingest into another collection, or give this one "
                f"the other embedder: `ragkit reindex --collection {name} --embedder {spec.name}`.",
            )
        return generation

    def list(self, *, access: tuple[str, ...] | None = None) -> tuple[Collection, ...]:
        """All of them, by name.

        Args:
            access: Tags of the caller, for whom no other documents count; none for an operator.
        """
        live = (
            select(
                documents.c.collection_id,
                func.count(documents.c.id.distinct()).label("documents"),
                func.count(chunks.c.id).label("chunks"),
            )
            .join(versions, versions.c.id == documents.c.live_version_id)
            .outerjoin(chunks, chunks.c.version_id == versions.c.id)
            .join(collections, collections.c.id == documents.c.collection_id)
            .where(seen(access, untagged=collections.c.untagged))
            .group_by(documents.c.collection_id)
            .subquery()
        )
        query = (
            select(
                collections.c.name,
                collections.c.created_at,
                collections.c.untagged,
                generations.c.number,
                generations.c.embedder,
                func.coalesce(live.c.documents, 0).label("documents"),
                func.coalesce(live.c.chunks, 0).label("chunks"),
            )
            .join(generations, generations.c.id == collections.c.generation_id)
            .outerjoin(live, live.c.collection_id == collections.c.id)
            .order_by(collections.c.name)
        )
        with self._database.read() as connection:
            return tuple(
                Collection(
                    name=row.name,
                    documents=row.documents,
                    chunks=row.chunks,
                    generation=row.number,
                    embedder=row.embedder["id"],
                    dimension=row.embedder["dimension"],
                    created_at=row.created_at,
                    untagged=row.untagged,
                )
                for row in connection.execute(query)
            )

    def configure(self, name: str, *, untagged: bool) -> Generation:
        """Say whether documents without access tags can be seen by callers that carry some.

        Raises:
            NotFound: There is no such collection.
        """
        changed = update(collections).where(collections.c.id == self.get(name).collection_id)
        with self._database.write() as connection:
            connection.execute(changed.values(untagged=untagged))
        return self.get(name)

    def tune(self, generation: Generation, **values: float | None) -> None:
        """Set the `dense_offset` of a generation, or what it `answers_from`."""
        changed = update(generations).where(generations.c.id == generation.id).values(**values)
        with self._database.write() as connection:
            connection.execute(changed)

    def weigh(self, name: str, prefix: str, weight: SourceWeight) -> None:
        """Weigh the documents of a collection whose uris begin with `PIPELINE/`."""
        generation = self.get(name)
        if generation.weights.get(prefix, SourceWeight()) != weight:
            with self._database.write() as connection:
                set_weight(connection, generation.collection_id, prefix, weight)

    def delete(self, name: str) -> Generation:
        """Remove a collection with all its documents; returns what it was, for the derived stores to be dropped."""
        generation = self.get(name)
        with self._database.write() as connection:
            connection.execute(delete(collections).where(collections.c.id == generation.collection_id))
        return generation

    def _create(self, name: str, spec: EmbedderSpec) -> Generation:
        try:
            with self._database.write() as connection:
                _insert(connection, name, spec)
        except IntegrityError:
            pass  # another process made it at this moment; read what it made
        return self.get(name)


def bump(connection: Connection, collection_id: int) -> int:
    """Tell readers that a collection has changed, in the transaction that changes it; returns the new sequence.

    Raises:
        Superseded: It has been deleted.
    """
    changed = update(collections).where(collections.c.id == collection_id)
    raised = changed.values(sequence=collections.c.sequence + 1).returning(collections.c.sequence)
    if (sequence := connection.execute(raised).scalar_one_or_none()) is None:
        raise Superseded
    return int(sequence)


def check_current(connection: Connection, generation: Generation) -> None:
    """Make sure that a generation is the one that answers, in the transaction that writes to it.

    Raises:
        Superseded: It is not.
    """
    current = select(collections.c.generation_id).where(collections.c.id == generation.collection_id)
    # Locked until the transaction ends: a switch and a writer that both find it current would undo each other.
    if connection.execute(current.with_for_update()).scalar_one_or_none() != generation.id:
        raise Superseded


select_generations = select(
    collections.c.id.label("collection_id"),
    collections.c.name,
    collections.c.sequence,
    collections.c.untagged,
    collections.c.weights,
    collections.c.generation_id.label("current_id"),
    generations.c.id,
    generations.c.number,
    generations.c.created_at,
    generations.c.embedder,
    generations.c.chunking,
    generations.c.pinned,
    generations.c.dense_offset,
    generations.c.answers_from,
).join(generations, generations.c.collection_id == collections.c.id)
"""Every generation of every collection."""

_live = select_generations.where(
    generations.c.id == collections.c.generation_id, collections.c.name == bindparam("name")
)


def _insert(connection: Connection, name: str, spec: EmbedderSpec) -> None:
    moment = now()
    added = insert(collections).values(name=name, sequence=0, created_at=moment)
    collection_id = connection.execute(added.returning(collections.c.id)).scalar_one()
    stamped = insert(generations).values(
        collection_id=collection_id, number=1, embedder=asdict(spec), created_at=moment
    )
    generation_id = connection.execute(stamped.returning(generations.c.id)).scalar_one()
    live = update(collections).where(collections.c.id == collection_id)
    connection.execute(live.values(generation_id=generation_id))


def to_generation(row: Any) -> Generation:
    """A row of `select_generations` as a value."""
    return Generation(
        id=row.id,
        collection_id=row.collection_id,
        collection=row.name,
        number=row.number,
        spec=EmbedderSpec(**row.embedder),
        sequence=row.sequence,
        created_at=row.created_at,
        untagged=row.untagged,
        chunking=row.chunking,
        pinned=row.pinned,
        beside=row.id != row.current_id,
        dense_offset=row.dense_offset,
        answers_from=row.answers_from,
        weights={prefix: SourceWeight(**said) for prefix, said in (row.weights or {}).items()},
    )
