"""Merging the two ranked lists, as pure functions of scores."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["convex"]

Ranking = Sequence[tuple[str, float]]
"""(id, score), best first."""


def convex(dense: Ranking, keyword: Ranking, *, weight: float) -> list[tuple[str, float]]:
    """Weighted sum of the cosine and of the BM25 score over its best, each bounded below by zero.

    A convex combination keeps how far apart the scores are, which rank fusion throws away (Bruch, Gai and Ingber, "An
    Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1), 2023). A list that lacks an id counts as zero.

    Args:
        dense: Cosines.
        keyword: BM25 scores.
        weight: Of the cosine, 0 to 1.

    Returns:
        Ids with scores from 0 to 1, best first; ties by id, so that equal input gives equal output.
    """
    best = max((score for _, score in keyword), default=0.0)
    scores: dict[str, float] = {}
    for key, cosine in dense:
        scores[key] = weight * max(cosine, 0.0)
    for key, score in keyword:
        scores[key] = scores.get(key, 0.0) + (1 - weight) * (max(score, 0.0) / best if best > 0 else 0.0)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
