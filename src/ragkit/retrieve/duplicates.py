"""Passages that several documents hold: each is shown once, and of nearly equal documents the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragkit.index.duplicates import Edition, near
from ragkit.index.rows import Place
from ragkit.text import words
from ragkit.types import Hit

__all__ = ["collapse", "prefer_newest"]

_MARGIN = 0.1
"""How much worse the newer passage may score, as a share: a question that names the older edition gets that one."""
_COUNTERPART = 0.5
"""Share of equal words from which two passages of near-duplicates are the same place in them."""


def collapse(ranking: Sequence[tuple[str, float]], places: Mapping[str, Place]) -> dict[str, tuple[str, ...]]:
    """The best chunk of each passage, best first, with the uris of the others that hold the passage.

    Args:
        ranking: Pairs (chunk id, score), best first.
        places: Where each of them stands.
    """
    first: dict[bytes, str] = {}
    uris: dict[str, dict[str, None]] = {}
    for key, _ in ranking:
        place = places[key]
        uris.setdefault(first.setdefault(place.passage_key, key), {})[place.uri] = None
    return {key: tuple(uri for uri in held if uri != places[key].uri) for key, held in uris.items()}


def prefer_newest(hits: Sequence[Hit], editions: Mapping[str, Edition]) -> list[Hit]:
    """The hits in an order in which no passage stands before its counterpart in a newer near-duplicate.

    Nothing is left out: the older edition may be what was asked for, and a contradiction between the two is for the
    answer to speak of.

    Args:
        hits: Best first.
        editions: By document id; a document without one stays where it is.
    """
    alike = near({key: edition.signature for key, edition in editions.items()})
    waiting, ordered = list(hits), []
    while waiting:
        best = waiting[0]
        rivals = alike.get(best.document_id, frozenset())
        for other in waiting[1:]:
            if other.document_id in rivals and _replaces(other, best, editions):
                best = other
        waiting.remove(best)
        ordered.append(best)
    return ordered


def _replaces(other: Hit, best: Hit, editions: Mapping[str, Edition]) -> bool:
    return (
        editions[other.document_id].newer_than(editions[best.document_id])
        and best.score - other.score <= _MARGIN * abs(best.score)
        and _equal_words(best.text, other.text) >= _COUNTERPART
    )


def _equal_words(first: str, second: str) -> float:
    a, b = set(words(first)), set(words(second))
    return len(a & b) / len(a | b) if a | b else 0.0
