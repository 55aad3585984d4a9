"""What a collection answers from, all of it or what has changed, as of one state of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, func, select

from ragkit.index.rows import of_generation
from ragkit.store.batches import batches
from ragkit.store.embeddings import decode
from ragkit.store.tables import chunks, collections, documents, manifest, vectors

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.protocols import Matrix

__all__ = ["Contents", "Moment", "changed_since", "newest_entry", "read_contents"]

_STREAM = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How far a collection had come.

    Attributes:
        sequence: Of the collection.
        entry: The newest entry of the manifest.
    """

    sequence: int
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contents:
    """Live chunks, a row each.

    Attributes:
        at: When they were read.
        changed: The documents that have changed, those that are gone among them; none where all were read.
        documents: Their ids and uris.
        chunk_ids: Of each row.
        passage_keys: Of each row; equal in chunks that say the same.
        numbers: Of each row, the place of its document among `documents`.
        matrix: Of each row the vector, float32.
    """

    at: Moment
    changed: frozenset[str] | None
    documents: Sequence[tuple[str, str]]
    chunk_ids: Sequence[str]
    passage_keys: Sequence[bytes]
    numbers: Sequence[int]
    matrix: Matrix


def read_contents(connection: Connection, generation: Generation, since: Moment | None = None) -> Contents | None:
    """Read the chunks that a generation answers from; none where it does not answer any more.

    Args:
        connection: One that sees one state throughout.
        generation: The live one of its collection.
        since: Read those of documents that have changed since then; by default of all.
    """
    mine = collections.c.id == generation.collection_id
    live = select(collections.c.sequence).where(mine, collections.c.generation_id == generation.id)
    sequence = connection.execute(live).scalar_one_or_none()
    if sequence is None:
        return None
    at = Moment(sequence=sequence, entry=newest_entry(connection, generation.collection_id))
    changed = None if since is None else changed_since(connection, generation.collection_id, since)
    return _read(connection, generation, at, changed)


def newest_entry(connection: Connection, collection_id: int) -> int:
    """The newest entry of the manifest of a collection."""
    mine = manifest.c.collection_id == collection_id
    return int(connection.execute(select(func.coalesce(func.max(manifest.c.id), 0)).where(mine)).scalar_one())


def changed_since(connection: Connection, collection_id: int, since: Moment) -> frozenset[str]:
    """The documents of a collection that have changed, those that are gone among them."""
    mine = manifest.c.collection_id == collection_id
    ended = select(manifest.c.document_id).where(mine, manifest.c.until > since.sequence)
    begun = select(manifest.c.document_id).where(mine, manifest.c.id > since.entry)
    return frozenset(connection.scalars(ended.union(begun)))


def _read(connection: Connection, generation: Generation, at: Moment, changed: frozenset[str] | None) -> Contents:
    columns = select(chunks.c.id, documents.c.id, documents.c.uri, chunks.c.passage_key, vectors.c.value)
    # A chunk whose vector is lost is found by its words all the same; its cosine is 0.
    query = of_generation(columns, generation).outerjoin(vectors, vectors.c.key == chunks.c.vector_key)
    lost = bytes(2 * generation.spec.dimension)
    selections = [query]
    if changed is not None:
        selections = [query.where(documents.c.id.in_(part)) for part in batches(sorted(changed))]
    chunk_ids: list[str] = []
    passage_keys: list[bytes] = []
    numbers: list[int] = []
    known: dict[tuple[str, str], int] = {}
    blocks = [np.empty((0, generation.spec.dimension), np.float32)]
    for selection in selections:
        for rows in connection.execution_options(yield_per=_STREAM).execute(selection).partitions():
            ids, document_ids, uris, keys, values = zip(*rows, strict=True)
            chunk_ids += ids
            passage_keys += keys
            numbers += [known.setdefault(pair, len(known)) for pair in zip(document_ids, uris, strict=True)]
            blocks.append(decode([value or lost for value in values], generation.spec.dimension))
    return Contents(
        at=at,
        changed=changed,
        documents=list(known),
        chunk_ids=chunk_ids,
        passage_keys=passage_keys,
        numbers=numbers,
        matrix=np.concatenate(blocks),
    )
