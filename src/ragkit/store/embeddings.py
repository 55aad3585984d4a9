"""Vectors by content: equal text is embedded once, whatever document it stands in.

The key is a hash of the embedded input and the embedder's id, so Chroma can be rebuilt, repaired and rolled back
without the model. Half precision takes 768 bytes for 384 dimensions and moves a cosine by less than 0.001.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from ragkit.store.batches import batches
from ragkit.store.engine import Database
from ragkit.store.tables import chunks, vectors

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["VectorCache", "decode", "drop_unused", "put_vectors", "vector_key"]


def vector_key(embedder_id: str, text: str) -> bytes:
    """16 bytes that stand for this text as this embedder sees it."""
    return hashlib.blake2b(f"{embedder_id}\0{text}".encode(), digest_size=16).digest()


def decode(values: Sequence[bytes], dimension: int) -> Matrix:
    """Stored values as a matrix of shape (values, dimension)."""
    flat = np.frombuffer(b"".join(values), dtype=np.float16).astype(np.float32)
    return flat.reshape(len(values), dimension)


def put_vectors(connection: Connection, pairs: Sequence[tuple[bytes, Vector]]) -> None:
    """Keep vectors by key; one that is there already stays as it is, and stays there until the transaction ends."""
    on_sqlite = connection.dialect.name == "sqlite"
    dialect = sqlite if on_sqlite else postgresql
    # All writers in one order: in Postgres, two that insert the same keys in another order wait for each other.
    ordered = sorted(pairs, key=lambda pair: pair[0])
    rows = [{"key": key, "value": vector.astype(np.float16).tobytes()} for key, vector in ordered]
    while rows:
        connection.execute(dialect.insert(vectors).on_conflict_do_nothing(), rows)
        # SQLite has one writer. In Postgres, one that was there may be deleted by a transaction that ends first.
        held = set() if on_sqlite else _locked(connection, [row["key"] for row in rows], to_delete=False)
        rows = [] if on_sqlite else [row for row in rows if row["key"] not in held]


def drop_unused(connection: Connection, keys: Iterable[bytes]) -> None:
    """Delete those of the vectors that no chunk uses any more."""
    for batch in batches(sorted(keys)):
        used = select(chunks.c.vector_key).where(chunks.c.vector_key.in_(batch))
        gone = set(batch)
        if connection.dialect.name != "sqlite":
            # Only what looks unused is locked: what is in use would have others wait. A statement of its own: the next
            # one then sees the chunks of whoever held them.
            idle = gone.difference(connection.scalars(used))
            gone = _locked(connection, sorted(idle), to_delete=True)
        connection.execute(delete(vectors).where(vectors.c.key.in_(gone), vectors.c.key.not_in(used)))


def _locked(connection: Connection, keys: Sequence[bytes], *, to_delete: bool) -> set[bytes]:
    """Those that are there; nobody else deletes them, or with `to_delete` uses them, until the transaction ends."""
    found: set[bytes] = set()
    for batch in batches(keys):
        query = select(vectors.c.key).where(vectors.c.key.in_(batch)).order_by(vectors.c.key)
        locking = query.with_for_update() if to_delete else query.with_for_update(read=True, key_share=True)
        found.update(connection.scalars(locking))
    return found


class VectorCache:
    """The stored vectors of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those keys that must be embedded."""
        found: set[bytes] = set()
        with self._database.read() as connection:
            for batch in batches(keys):
                found.update(connection.scalars(select(vectors.c.key).where(vectors.c.key.in_(batch))))
        return set(keys) - found

    def put(self, keys: Sequence[bytes], matrix: Matrix) -> None:
        """Keep vectors; one that is there already stays as it is."""
        with self._database.write() as connection:
            put_vectors(connection, list(zip(keys, matrix, strict=True)))

    def find(self, keys: Sequence[bytes], *, dimension: int) -> dict[bytes, Vector]:
        """The vectors of those of the keys that are stored."""
        stored: dict[bytes, bytes] = {}
        with self._database.read() as connection:
            for batch in batches(keys):
                rows = connection.execute(select(vectors.c.key, vectors.c.value).where(vectors.c.key.in_(batch)))
                stored.update((key, value) for key, value in rows)
        return dict(zip(stored, decode(list(stored.values()), dimension), strict=True))
