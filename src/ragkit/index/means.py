"""What each document is about, in one vector: the mean of its chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from ragkit.index.generations import Generation
from ragkit.store.embeddings import decode
from ragkit.store.engine import Database
from ragkit.store.tables import chunks, documents, vectors

if TYPE_CHECKING:
    from ragkit.protocols import Matrix

__all__ = ["document_means"]

_STREAM = 5_000


def document_means(database: Database, generation: Generation) -> Matrix:
    """The mean vector of each live document of a collection, a row each, in no order."""
    query = (
        select(documents.c.id, vectors.c.value)
        .join(chunks, chunks.c.version_id == documents.c.live_version_id)
        .join(vectors, vectors.c.key == chunks.c.vector_key)
        .where(documents.c.collection_id == generation.collection_id)
    )
    totals: dict[str, tuple[Matrix, int]] = {}
    none = np.zeros(generation.spec.dimension, np.float32)
    with database.read() as connection:
        for rows in connection.execution_options(yield_per=_STREAM).execute(query).partitions():
            values = decode([row.value for row in rows], generation.spec.dimension)
            for row, value in zip(rows, values, strict=True):
                total, count = totals.get(row.id, (none, 0))
                totals[row.id] = total + value, count + 1
    means = [total / count for total, count in totals.values()]
    return np.stack(means) if means else np.empty((0, generation.spec.dimension), np.float32)
