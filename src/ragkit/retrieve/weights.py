"""How much the cosines count beside the keyword scores, told from the question and what the lists look like.

No fixed weight is right everywhere: keywords are the better part where a question names what it is about, vectors are
where its words are on every page. Without judged questions that can still be told, by what is called query performance
prediction (Shtok, Kurland, Carmel, Raiber and Markovits, "Predicting Query Performance by Query-Drift Estimation",
ACM TOIS 30(2), 2012): the model is a logistic function of three signals. Its coefficients come from
`benchmarks/fusion.py --fit`, which maximises nDCG@10 over several collections, and checks it on each with that one
left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.retrieve.fusion import BACKGROUND

__all__ = ["COEFFICIENTS", "Coefficients", "Signals", "dense_weight", "signals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a question and its keyword list say about which part to trust."""

    flatness: float
    """Score of rank `BACKGROUND` over the best, 0 to 1. Near 1 the question's words are everywhere and tell nothing."""
    scarcity: float
    """Share of the first `BACKGROUND` ranks that the keyword list leaves empty, 0 to 1."""
    pieces: float
    """Logarithm of the embedder's tokens per letter or digit: about -1.4 for words that it knows, and the higher, the
    more it has to spell: other languages than it was made for, names, codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Of a logistic model of the dense weight."""

    bias: float
    flatness: float
    scarcity: float
    pieces: float


COEFFICIENTS = Coefficients(bias=-1.1, flatness=2.46, scarcity=1.18, pieces=-0.74)


def signals(query: str, keyword: Sequence[tuple[str, float]], *, tokens: int) -> Signals:
    """Look at a question and its keyword list.

    Args:
        query: The question.
        keyword: (id, BM25 score), best first, read at least `BACKGROUND` deep.
        tokens: How many tokens the question is for the embedder.
    """
    letters = sum(map(str.isalnum, query))
    best = keyword[0][1] if keyword else 0.0
    full = len(keyword) >= BACKGROUND and best > 0
    return Signals(
        flatness=keyword[BACKGROUND - 1][1] / best if full else 0.0,
        scarcity=1 - min(len(keyword), BACKGROUND) / BACKGROUND,
        pieces=math.log(max(tokens, 1) / max(letters, 1)),
    )


def dense_weight(seen: Signals, *, model: Coefficients = COEFFICIENTS, offset: float = 0.0) -> float:
    """The weight of the cosines, between 0 and 1.

    Args:
        seen: From `signals`.
        model: What each signal counts.
        offset: Moves it towards the cosines (above 0) or the keywords (below), as a collection was tuned.
    """
    logit = (
        model.bias
        + offset
        + model.flatness * seen.flatness
        + model.scarcity * seen.scarcity
        + model.pieces * seen.pieces
    )
    return 1 / (1 + math.exp(-logit))
