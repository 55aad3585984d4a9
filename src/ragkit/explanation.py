"""The values that tell how a search came to its result. Wire types like those in `ragkit.types`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ragkit.types import Mode

__all__ = ["Candidate", "Explanation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A passage that some list held, and what became of it."""

    rank: int | None
    """In the result; none where it is not in it."""
    fate: str
    """`shown`, or why not."""
    uri: str
    heading: str
    chunk_id: str
    text: str
    """How it begins."""
    dense_rank: int | None
    cosine: float | None
    keyword_rank: int | None
    keyword_score: float | None
    siblings: int | None
    """How many passages its document has; some passage of many resembles any question, so they lower the score."""
    score: float | None
    """After fusion."""
    weight: float | None
    """What the score was multiplied by, where the passage's pipeline has a weight or a half-life."""
    reranked: int | None
    """Its rank after reranking, where there was any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every stage of one search."""

    query: str
    collection: str
    generation: int
    embedder: str
    mode: Mode
    k: int
    tokens: int | None
    """Of the query, for the embedder; none where the mode asks for no vectors."""
    terms: Mapping[str, int]
    """What the keyword index looks for, with the number of passages that have it."""
    scope: str
    """How the search was kept to the filters and access tags."""
    dense_weight: float | None
    """Of the cosines beside the keyword scores, 0 to 1; none without fusion."""
    signals: Mapping[str, float]
    """What the weight was told from."""
    candidates: tuple[Candidate, ...]
    """The result, then what was left out, by score."""
    stages_ms: Mapping[str, float]
    answers_from: float | None = None
    """The probability of an answer from which on it is given, where `ragkit tune --precision` has set it."""
