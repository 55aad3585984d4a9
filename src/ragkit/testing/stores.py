"""Vector store and keyword index in memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ragkit.protocols import KeywordEntry
from ragkit.text import words

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["MemoryKeywords", "MemoryVectors"]


class MemoryVectors:
    """A dictionary of vectors, searched from end to end.

    Args:
        refill: Where `rebuild` takes ids and vectors from.
    """

    def __init__(self, refill: Callable[[], Iterable[tuple[Sequence[str], Matrix]]] = tuple) -> None:
        self._refill = refill
        self._vectors: dict[str, Vector] = {}

    def upsert(self, ids: Sequence[str], vectors: Matrix) -> None:
        self._vectors.update(zip(ids, vectors, strict=True))

    def delete(self, ids: Sequence[str]) -> None:
        for key in ids:
            self._vectors.pop(key, None)

    def search(self, vector: Vector, *, k: int) -> list[tuple[str, float]]:
        scored = [(key, float(other @ vector)) for key, other in self._vectors.items()]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]

    def count(self) -> int:
        return len(self._vectors)

    def ids(self) -> set[str]:
        return set(self._vectors)

    def rebuild(self) -> None:
        self._vectors.clear()
        for ids, vectors in self._refill():
            self.upsert(ids, vectors)

    def drop(self) -> None:
        self._vectors.clear()


class MemoryKeywords:
    """BM25 (Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75) over a dictionary of entries, without stemming."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[KeywordEntry, Counter[str]]] = {}

    def update(self, *, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        for chunk_id in delete:
            self._entries.pop(chunk_id, None)
        for entry in add:
            self._entries[entry.chunk_id] = (entry, Counter(words(f"{entry.title} {entry.heading} {entry.text}")))

    def search(self, query: str, *, k: int, document_ids: Sequence[str] = ()) -> list[tuple[str, float]]:
        wanted, allowed = set(words(query)), set(document_ids)
        if not wanted or not self._entries:
            return []
        average = sum(counts.total() for _, counts in self._entries.values()) / len(self._entries)
        weights = {word: self._idf(word) for word in wanted}
        scored = [
            (entry.chunk_id, sum(weights[word] * _saturated(counts, word, average) for word in wanted))
            for entry, counts in self._entries.values()
            if not allowed or entry.document_id in allowed
        ]
        found = [pair for pair in scored if pair[1] > 0]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]

    def terms(self, query: str) -> dict[str, int]:
        counted = self._entries.values()
        return {word: sum(word in counts for _, counts in counted) for word in dict.fromkeys(words(query))}

    def ids(self) -> set[str]:
        return set(self._entries)

    def rebuild(self, entries: Iterable[KeywordEntry]) -> None:
        self._entries.clear()
        self.update(add=list(entries), delete=())

    def drop(self) -> None:
        self._entries.clear()

    def _idf(self, word: str) -> float:
        having = sum(word in counts for _, counts in self._entries.values())
        return math.log(1 + (len(self._entries) - having + 0.5) / (having + 0.5))


def _saturated(counts: Counter[str], word: str, average: float) -> float:
    frequency = counts[word]
    return frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * counts.total() / max(average, 1.0)))
