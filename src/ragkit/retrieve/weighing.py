"""Scores by where passages come from, and by how old they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ragkit.index.duplicates import Edition
from ragkit.index.rows import Place
from ragkit.index.weights import SourceWeight

__all__ = ["factors", "weighed"]

Editions = Callable[[Sequence[str]], Mapping[str, Edition]]
Ranking = Sequence[tuple[str, float]]


def factors(
    places: Mapping[str, Place], weights: Mapping[str, SourceWeight], editions: Editions, *, at: datetime
) -> dict[str, float]:
    """What the score of each passage of a weighed pipeline is multiplied by, by chunk id.

    Args:
        places: Of the passages, by chunk id.
        weights: By what the uris of a pipeline begin with, `PIPELINE/`.
        editions: Looks up documents by their ids; asked only for those of pipelines whose documents age.
        at: Now.
    """
    documents = {place.document_id: place.uri for place in places.values()}
    sources = {key: source for key, uri in documents.items() if (source := weights.get(uri.partition("/")[0] + "/"))}
    aging = sorted(key for key, source in sources.items() if source.half_life_days is not None)
    known = editions(aging) if aging else {}
    by_document = {key: source.factor(known.get(key), at=at) for key, source in sources.items()}
    return {key: by_document[place.document_id] for key, place in places.items() if place.document_id in by_document}


def weighed(ranking: Ranking, factor: Mapping[str, float]) -> list[tuple[str, float]]:
    """In the order of the weighed scores; ties keep theirs. A score below zero stays: more of it would be worse."""
    scored = [(key, score * factor.get(key, 1.0) if score > 0 else score) for key, score in ranking]
    return sorted(scored, key=lambda pair: -pair[1])
