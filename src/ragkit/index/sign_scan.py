"""Nearest neighbours among many vectors in memory: by one bit a component first, then by the vectors themselves.

The share of components whose signs differ estimates the angle between two vectors (Charikar, "Similarity Estimation
Techniques from Rounding Algorithms", STOC 2002). Of 100,000 vectors all signs are compared in less than a millisecond;
the nearest by them are compared exactly. There is no graph to build, and what is in scope may be any set of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.index.exact import cosines, top

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["Rows", "SignScan"]

Rows = NDArray[np.intp]

_FEW = 4_000
"""Rows that are compared exactly at once: signs would save nothing."""
_SHARE = 50
"""One in so many rows is compared exactly; `benchmarks/search.py` measures what that misses."""
_DEPTH = 20
"""How many times the wanted number is compared exactly at least."""
_BLOCK = 1 << 16
"""Rows whose signs are compared at a time."""
_WORD = 64
_SPARE = 1.25
"""How many times what is needed is taken when rows are added, so that most additions copy nothing else."""


class _Room:
    """Rows with space behind them; what is written there is not seen by whoever reads the rows before."""

    def __init__(self, dimension: int, words: int, capacity: int) -> None:
        self.matrix = np.empty((capacity, dimension), np.float32)
        self.signs = np.empty((words, capacity), np.uint64)
        self.used = 0

    def add(self, matrix: Matrix, signs: NDArray[np.uint64]) -> int:
        """Returns how many rows there are then."""
        start, self.used = self.used, self.used + len(matrix)
        self.matrix[start : self.used] = matrix
        self.signs[:, start : self.used] = signs
        return self.used


class SignScan:
    """Top-k by cosine over the rows of a matrix, of any set of them; safe to share between threads.

    Attributes:
        matrix: Rows of unit length, float32.
    """

    def __init__(self, room: _Room, count: int, centre: Vector) -> None:
        self._room = room
        self._centre = centre
        self._signs = room.signs[:, :count]
        self.matrix: Matrix = room.matrix[:count]

    @classmethod
    def over(cls, matrix: Matrix) -> SignScan:
        """Of these rows. Their signs are taken around the mean: models differ in how far vectors lean to one side."""
        centre = matrix.mean(axis=0, dtype=np.float64) if len(matrix) else np.zeros(matrix.shape[1])
        return cls(_Room(0, 0, 0), 0, centre.astype(np.float32))._moved(matrix, len(matrix))

    def extended(self, more: Matrix) -> SignScan:
        """With more rows behind these, around the same centre. One thread at a time may extend."""
        count = len(self.matrix)
        room = self._room
        if room.used != count or count + len(more) > len(room.matrix):
            return self._moved(np.concatenate([self.matrix, more]), int(_SPARE * (count + len(more))))
        return SignScan(room, room.add(more, _signs(more, self._centre)), self._centre)

    def _moved(self, matrix: Matrix, capacity: int) -> SignScan:
        signs = _signs(matrix, self._centre)
        room = _Room(matrix.shape[1], len(signs), capacity)
        return SignScan(room, room.add(matrix, signs), self._centre)

    def search(self, vector: Vector, *, k: int, rows: Rows | None = None) -> tuple[Rows, Vector]:
        """The nearest rows, at most `k`, with their cosines, best first; of some rows, or of all."""
        vector = np.asarray(vector, np.float32)
        among = len(self.matrix) if rows is None else len(rows)
        compared = max(among // _SHARE, _DEPTH * k, _FEW // 2)
        if among > max(_FEW, 2 * compared):
            rows = self._near(vector, compared, rows)
        scores = cosines(self.matrix, vector, rows)
        best = top(scores, k)
        return best if rows is None else rows[best], scores[best]

    def _near(self, vector: Vector, count: int, rows: Rows | None) -> Rows:
        """At least so many of the rows, those whose signs differ least."""
        distances = self._distances(vector)
        if rows is not None:
            distances = distances[rows]
        farthest = np.searchsorted(np.bincount(distances).cumsum(), count)
        near = np.flatnonzero(distances <= farthest)
        return near if rows is None else rows[near]

    def _distances(self, vector: Vector) -> NDArray[np.uint16]:
        """In how many components the signs of each row differ from those of a vector."""
        wanted = _signs(vector[np.newaxis], self._centre)[:, 0]
        differing = np.zeros(len(self.matrix), np.uint16)
        for start in range(0, len(differing), _BLOCK):
            part = differing[start : start + _BLOCK]
            for word, mine in zip(self._signs[:, start : start + _BLOCK], wanted, strict=True):
                part += np.bitwise_count(word ^ mine)
        return differing


def _signs(matrix: Matrix, centre: Vector) -> NDArray[np.uint64]:
    """Shape (words of 64 components, rows): a word of all rows lies together."""
    width = -(-matrix.shape[1] // _WORD) * _WORD // 8
    packed = np.zeros((len(matrix), width), np.uint8)
    for start in range(0, len(matrix), _BLOCK):
        bits = np.packbits(matrix[start : start + _BLOCK] > centre, axis=1)
        packed[start : start + _BLOCK, : bits.shape[1]] = bits
    return np.ascontiguousarray(packed.view(np.uint64).T)
