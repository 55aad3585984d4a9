"""Merging two ranked lists, as pure functions of their scores.

Each `Ranking` is (id, score) pairs, best first. A normalisation brings one list to a scale that the other can share;
a fusion merges the two. Search uses `convex` over `cosines` and `above_background`; the others are what it is measured
against, in `benchmarks/fusion.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from statistics import fmean, pstdev

__all__ = [
    "BACKGROUND",
    "above_background",
    "convex",
    "cosines",
    "less_chance",
    "reciprocal_rank",
    "standardised",
    "theoretical",
]

Ranking = Sequence[tuple[str, float]]
Normalised = Mapping[str, float]
"""Scores from 0 to 1, by id; an id that is not there counts as 0."""

BACKGROUND = 50
"""The rank from which on a keyword score tells no more than that some common word occurs."""

CHANCE = 0.03
"""What a document of e = 2.7 chunks loses; found by `benchmarks/fusion.py`."""
MANY = 8
"""Chunks from which on a document loses no more: a book is not to be hidden behind notes."""


def cosines(ranking: Ranking) -> dict[str, float]:
    """Cosines as they are, bounded below by zero: they have a scale of their own."""
    return {key: max(score, 0.0) for key, score in ranking}


def above_background(ranking: Ranking) -> dict[str, float]:
    """How far each score stands above that of rank `BACKGROUND`, as a share of the best score.

    BM25 scores have no common scale, but an id that the list lacks may score nearly as much as its last. In a list that
    hardly falls, where the words are everywhere, all shares are small: such a list has little to say.
    """
    best = ranking[0][1] if ranking else 0.0
    background = ranking[BACKGROUND - 1][1] if len(ranking) >= BACKGROUND else 0.0
    return {key: max(score - background, 0.0) / best if best > 0 else 0.0 for key, score in ranking}


def theoretical(ranking: Ranking, *, least: float) -> dict[str, float]:
    """Theoretical min-max: from the least possible score to the best that was found.

    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1), 2023.

    Args:
        ranking: The list.
        least: -1 for cosines, 0 for BM25.
    """
    width = ranking[0][1] - least if ranking else 0.0
    return {key: (score - least) / width if width > 0 else 0.0 for key, score in ranking}


def standardised(ranking: Ranking) -> dict[str, float]:
    """Three standard deviations on either side of the mean, cut to 0 and 1: distribution-based score fusion.

    Mazzeschi, "Distribution-Based Score Fusion", 2023.
    """
    scores = [score for _, score in ranking]
    if not scores:
        return {}
    mean, width = fmean(scores), 6 * pstdev(scores)
    return {key: min(max((score - mean) / width + 0.5, 0.0), 1.0) if width else 0.5 for key, score in ranking}


def convex(dense: Normalised, keyword: Normalised, *, weight: float) -> list[tuple[str, float]]:
    """The weighted sum of normalised scores.

    A convex combination keeps how far apart the scores are, which rank fusion throws away (Bruch et al. 2023).

    Args:
        dense: The one list.
        keyword: The other.
        weight: Of the dense scores, 0 to 1.

    Returns:
        Ids with scores from 0 to 1, best first; ties by id, so that equal input gives equal output.
    """
    ids = dense.keys() | keyword.keys()
    return _ordered({key: weight * dense.get(key, 0.0) + (1 - weight) * keyword.get(key, 0.0) for key in ids})


def less_chance(merged: Ranking, siblings: Mapping[str, int], *, chance: float = CHANCE) -> list[tuple[str, float]]:
    """Scores less what the best of many chunks is likely to owe to chance.

    Of a long document some chunk resembles any question. The expected best of n scores that differ by chance rises with
    about the logarithm of n: a document's length is weighed as in pivoted normalisation (Singhal, Buckley and Mitra,
    "Pivoted Document Length Normalization", SIGIR 1996).

    Args:
        merged: A fusion's result.
        siblings: Of each id, how many chunks its document has.
        chance: How much that is.
    """
    discounts = [chance * log(max(count, 1)) for count in range(MANY + 1)]
    return _ordered({key: score - discounts[min(siblings[key], MANY)] for key, score in merged})


def reciprocal_rank(dense: Ranking, keyword: Ranking, *, k: int = 60) -> list[tuple[str, float]]:
    """The sum of 1 / (k + rank) over the lists.

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
    SIGIR 2009; `k` of 60 is theirs.
    """
    scores: dict[str, float] = {}
    for ranking in (dense, keyword):
        for rank, (key, _) in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (k + rank)
    return _ordered(scores)


def _ordered(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
