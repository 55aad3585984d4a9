"""Documents that stand apart from their collection by what they are about, as pure functions of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragkit.history import FilterVerdict

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["Spread", "judge_place", "outlier", "spread"]

_FEWEST = 10
_ROUNDING = 1e-6
_NORMAL = 0.6745
"""The median absolute deviation of a normal distribution, in standard deviations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Where the documents of a collection lie, and how far apart."""

    centre: Vector
    distance: float
    """Median cosine distance of a document from the centre."""
    deviation: float
    """Median absolute deviation of that distance; 0 where there are too few documents to tell, or all are alike."""


def spread(means: Matrix) -> Spread:
    """The spread of a collection.

    Args:
        means: The mean vector of each document, a row each.
    """
    if not len(means):
        return Spread(centre=np.zeros(means.shape[1], np.float32), distance=0.0, deviation=0.0)
    centre = _unit(np.mean([_unit(row) for row in means], axis=0))
    distances = np.array([_distance(row, centre) for row in means])
    distance = float(np.median(distances))
    deviation = float(np.median(np.abs(distances - distance))) if len(means) >= _FEWEST else 0.0
    return Spread(centre=centre, distance=distance, deviation=deviation)


def outlier(vectors: Matrix, collection: Spread) -> float:
    """How far a document lies out, as a robust z-score; above 3.5 it is usually called an outlier.

    The modified z-score of Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993), of the distance between
    the mean of the document's chunks and the centre of the collection. Nearer than usual is below zero.

    Args:
        vectors: Of the document's chunks, a row each.
        collection: What it is held against; without deviation the score is 0.
    """
    if collection.deviation < _ROUNDING:
        return 0.0
    distance = _distance(np.mean(vectors, axis=0), collection.centre)
    return _NORMAL * (distance - collection.distance) / collection.deviation


def judge_place(vectors: Matrix, collection: Spread, threshold: float) -> FilterVerdict:
    """The verdict of the filter `max_outlier`; the vectors of the document's chunks are as in `outlier`."""
    score = outlier(vectors, collection)
    detail = f"It lies {score:.1f} deviations further from the centre of the collection than its documents do."
    if not collection.deviation:
        detail = "The collection has too few documents to be an outlier of, or all are alike."
    return FilterVerdict(
        filter="max_outlier", passed=score <= threshold, value=round(score, 4), threshold=threshold, detail=detail
    )


def _distance(vector: Vector, centre: Vector) -> float:
    return 1.0 - float(_unit(vector) @ centre)


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
