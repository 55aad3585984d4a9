"""Passages that differ: maximal marginal relevance.

Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing Summaries",
SIGIR 1998. Relevance is the score of the search in whatever mode, not the cosine alone, so that a name or a number that
only the keywords found keeps its place; likeness is the cosine of the stored vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.types import Hit

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["diversified"]


def diversified(hits: Sequence[Hit], vectors: Mapping[str, Vector], *, balance: float, k: int) -> list[Hit]:
    """The first `k` hits, each the best by what it adds: `balance * relevance - (1 - balance) * likeness`.

    Args:
        hits: Best first.
        vectors: Of unit length, by chunk id; a hit without one is like no other.
        balance: 1 keeps the order, 0 takes the hits that are least like those before.
        k: How many are picked.

    Returns:
        The hits as they were picked, with the scores that they had; ties keep their order.
    """
    if not hits:
        return []
    relevance = _relevance(hits)
    blank = np.zeros_like(next(iter(vectors.values()), np.zeros(1, np.float32)))
    rows = np.stack([vectors.get(hit.chunk_id, blank) for hit in hits])
    likeness = np.zeros(len(hits), np.float32)
    waiting = np.ones(len(hits), bool)
    picked: list[Hit] = []
    while len(picked) < min(k, len(hits)):
        worth = np.where(waiting, balance * relevance - (1 - balance) * likeness, -np.inf)
        best = int(worth.argmax())
        waiting[best] = False
        likeness = np.maximum(likeness, rows @ rows[best])
        picked.append(hits[best])
    return picked


def _relevance(hits: Sequence[Hit]) -> NDArray[np.float64]:
    """From 1 for the first hit to 0 for the last, by score; what was put before a better score counts as much."""
    scores = np.maximum.accumulate([hit.score for hit in reversed(hits)])[::-1]
    width = scores[0] - scores[-1]
    return (scores - scores[-1]) / width if width else np.ones(len(hits))
