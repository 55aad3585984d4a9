"""Exact nearest neighbours by a scan: recall 1, no index to build, 3 ms over 50,000 vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["ExactScan", "cosines", "top"]

_ROWS = 256
"""Rows that are compared at a time. Of more, the library for matrices makes use of all cores, and keeps them spinning:
twice the computing, which other searches wait for."""


class ExactScan:
    """Top-k by cosine over the rows of a matrix.

    Args:
        ids: One a row.
        matrix: Shape (len(ids), dimension), rows of unit length; it is not copied.
    """

    def __init__(self, ids: Sequence[str], matrix: Matrix) -> None:
        if len(ids) != len(matrix):
            raise ValueError(f"{len(ids)} ids for {len(matrix)} vectors")
        self._ids = ids
        self._matrix = matrix

    def search(self, vector: Vector, *, k: int) -> list[tuple[str, float]]:
        """At most `k` pairs (id, cosine), best first, ties by row."""
        scores = cosines(self._matrix, np.asarray(vector, np.float32))
        best = top(scores, k)
        return [(self._ids[row], float(score)) for row, score in zip(best, scores[best], strict=True)]


def cosines(matrix: Matrix, vector: Vector, rows: NDArray[np.intp] | None = None) -> Vector:
    """Of a vector with the rows of a matrix, all of unit length; of some rows in their order, or of all."""
    count = len(matrix) if rows is None else len(rows)
    scores = np.empty(count, np.float32)
    for start in range(0, count, _ROWS):
        block = slice(start, start + _ROWS) if rows is None else rows[start : start + _ROWS]
        scores[start : start + _ROWS] = matrix[block] @ vector
    return scores


def top(scores: Vector, k: int) -> NDArray[np.intp]:
    """Rows of the `k` highest scores, best first, ties by row."""
    if k <= 0:
        return np.empty(0, np.intp)
    if k < len(scores):
        # Keep everything that ties with the k-th best, so that ties fall by row and not by the partition's whim.
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        candidates = np.flatnonzero(scores >= threshold)
    else:
        candidates = np.arange(len(scores))
    order = np.argsort(-scores[candidates], kind="stable")[:k]
    return np.asarray(candidates[order], np.intp)
