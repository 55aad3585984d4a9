"""Finds passages: two lists, fused, joined with the catalog, copies collapsed, on request reranked or diversified."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ragkit.errors import ConfigError, InputError, NotFound
from ragkit.explanation import Explanation
from ragkit.index.catalog import Catalog
from ragkit.index.duplicates import near
from ragkit.index.generations import Collections, Generation
from ragkit.index.scope import Scope, checked
from ragkit.protocols import KeywordIndex, Reranker
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.diversity import diversified
from ragkit.retrieve.duplicates import collapse, prefer_newest
from ragkit.retrieve.explain import Ranking, candidates
from ragkit.retrieve.filters import NARROW, Reach, reach
from ragkit.retrieve.lists import Asked, Lists, Merged
from ragkit.retrieve.weighing import factors, weighed
from ragkit.store.engine import now
from ragkit.types import Filters, Hit, Mode, SearchResult

__all__ = ["Retriever"]

MAX_K = 1_000
"""More than a person looks at: evaluation asks for as many passages as 100 documents have."""
DEPTH = 50
"""How deep each list is read before they are merged; more changes nothing in the first ten."""
DEEPEST = 3_200
"""How deep the lists are read at most in search of passages that differ."""
SPARE = 2
"""How many times `k` are looked through for a newer edition of a passage."""
RERANK_DEPTH = 30
"""Passages that are looked at once more: by a reranker, or for how much they differ."""
_ANYTHING = "Is anything there?"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A passage whose text has not been read."""

    chunk_id: str
    document_id: str
    score: float
    via: tuple[str, ...]
    also_in: tuple[str, ...]


class Retriever:
    """Searches collections.

    Args:
        collections: Where generations are looked up.
        catalog: What every id is joined with.
        dense: Nearest neighbours.
        keywords: Opens the keyword index of a generation.
        reranker: Opens the reranker of a generation, for the mode `hybrid+rerank`.
        narrow: Chunks in scope up to which they are compared one by one.
    """

    def __init__(
        self,
        *,
        collections: Collections,
        catalog: Catalog,
        dense: DenseSearch,
        keywords: Callable[[Generation], KeywordIndex],
        reranker: Callable[[Generation], Reranker] | None,
        narrow: int = NARROW,
    ) -> None:
        self._collections = collections
        self._catalog = catalog
        self._dense = dense
        self._keywords = keywords
        self._reranker = reranker
        self._narrow = narrow
        self._lists = Lists(dense=dense, keywords=keywords, threads=os.cpu_count() or 1)

    def search(
        self,
        query: str,
        *,
        collection: str,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
        access: tuple[str, ...] | None = None,
        mmr: float | None = None,
        generation: Generation | None = None,
    ) -> SearchResult:
        """The best passages for a question, best first.

        Args:
            query: In any words.
            collection: Where to look.
            k: How many.
            mode: Which lists are asked, and whether what they find is read again.
            filters: Which documents may be found.
            access: Tags that the caller carries, who finds no other documents; none for an operator.
            mmr: What relevance counts beside difference from the passages before, 0 to 1; by default it alone counts.
            generation: Another one than that which answers, to compare the two.

        Raises:
            NotFound: There is no such collection.
            InputError: The query is empty, `k` or `mmr` is out of range or the mode is unknown.
            ConfigError: The mode needs a reranker, which cannot be used.
        """
        started = time.perf_counter()
        scope = Scope(filters=checked(filters), access=access)
        hits, _ = self._searched(query, collection, scope, k=k, mode=mode, mmr=mmr, generation=generation)
        ranked = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1))
        return SearchResult(query=query, hits=ranked, took_ms=round((time.perf_counter() - started) * 1e3, 2))

    def warm(self, collection: str, *, mode: Mode) -> None:
        """Have what the first search of a collection would wait for; nothing where there is no such collection.

        Raises:
            RagkitError: Nothing can be found at the moment.
        """
        with suppress(NotFound):
            self.search(_ANYTHING, collection=collection, k=1, mode=mode)

    def explain(
        self,
        query: str,
        *,
        collection: str,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
        access: tuple[str, ...] | None = None,
        mmr: float | None = None,
    ) -> Explanation:
        """Search, and tell what every stage did; for operators, since it names what is out of scope.

        Raises:
            NotFound: There is no such collection.
            InputError: As for `search`.
        """
        scope = Scope(filters=checked(filters), access=access)
        hits, reached = self._searched(query, collection, scope, k=k, mode=mode, mmr=mmr)
        notes, generation = reached.notes, reached.generation

        def look_up(ids: Sequence[str]) -> dict[str, Hit]:
            return self._catalog.hits(generation, ids)

        return Explanation(
            query=query,
            collection=collection,
            generation=generation.number,
            embedder=generation.spec.id,
            mode=mode,
            k=k,
            tokens=None if mode == "keyword" else self._dense.tokens(query, generation),
            terms={} if mode == "dense" else self._keywords(generation).terms(query),
            scope=reached.described(),
            dense_weight=None if notes.weight is None else round(notes.weight, 4),
            signals=notes.signals_by_name(),
            candidates=tuple(candidates(notes, hits, look_up)),
            stages_ms=dict(notes.stages_ms),
            answers_from=generation.answers_from,
        )

    def _searched(
        self,
        query: str,
        collection: str,
        scope: Scope,
        *,
        k: int,
        mode: Mode,
        mmr: float | None,
        generation: Generation | None = None,
    ) -> tuple[list[Hit], Reach]:
        """The hits, best first, with what was reached and noted on the way."""
        _check(query, k, mode, mmr)
        searched = generation or self._collections.get(collection)
        while True:
            directory = self._dense.directory(searched)
            reached = reach(self._catalog, searched, scope, narrow=self._narrow, directory=directory)
            hits = self._found(reached, query, k, mode, mmr)
            if generation is not None or len(hits) >= k:
                return hits, reached
            current = self._collections.get(collection)
            if current.id == searched.id:
                return hits, reached
            searched = current  # a reindex has switched meanwhile: what was found answers no more

    def _found(self, reached: Reach, query: str, k: int, mode: Mode, mmr: float | None) -> list[Hit]:
        if reached.empty:
            return []
        depth = max(k, RERANK_DEPTH) if mode == "hybrid+rerank" or mmr is not None else k
        notes = reached.notes
        asked = self._lists.ask(reached, query, max(DEPTH, depth), mode)
        with self._dense.turn(reached):
            found = self._distinct(reached, asked, depth)
            with notes.stage("editions"):
                signatures = self._catalog.signatures(sorted({one.document_id for one in found}))
                editions = self._catalog.editions(sorted(near(signatures)))
            # Where no document is like another, none of them takes the place of one before it.
            hits: Sequence[Hit] = self._read(reached, found, depth if mmr is None and not editions else len(found))
        if mode == "hybrid+rerank":
            with notes.stage("rerank"):
                hits = notes.reranked = self._rerank(reached.generation, query, hits)
        notes.ordered = ordered = prefer_newest(hits, editions)
        if mmr is None:
            return ordered[:k]
        with notes.stage("mmr"):
            ids = [hit.chunk_id for hit in ordered]
            _, vectors = reached.places(ids, with_vectors=True)
            return diversified(ordered, vectors, balance=mmr, k=k)

    def close(self) -> None:
        self._lists.close()

    def _distinct(self, reached: Reach, asked: Asked, k: int) -> list[_Found]:
        """The best different passages, a few more than `k`; the lists are read deeper where copies fill them."""
        depth = asked.depth
        while True:
            merged = self._lists.merge(reached, asked, depth)
            ranking = self._weighed(reached, merged)
            distinct = collapse(ranking, merged.places)
            if len(distinct) >= k or len(merged.via) < depth or depth >= DEEPEST:
                break
            depth *= 4
        reached.notes.distinct = tuple(distinct)
        scores, shown = dict(ranking), list(distinct)[: SPARE * k]
        return [
            _Found(
                chunk_id=key,
                document_id=merged.places[key].document_id,
                score=round(scores[key], 6),
                via=merged.via[key],
                also_in=distinct[key],
            )
            for key in shown
        ]

    def _read(self, reached: Reach, found: Sequence[_Found], k: int) -> list[Hit]:
        """The first `k` with their texts; all of them where some of these are not live any more."""
        with reached.notes.stage("texts"):
            live = self._catalog.hits(reached.generation, [one.chunk_id for one in found[:k]], reached.scope)
            if len(live) < len(found[:k]):
                live = self._catalog.hits(reached.generation, [one.chunk_id for one in found], reached.scope)
        return [
            replace(live[one.chunk_id], score=one.score, via=one.via, also_in=one.also_in)
            for one in found
            if one.chunk_id in live
        ]

    def _weighed(self, reached: Reach, merged: Merged) -> Ranking:
        """In the order that the weights of pipelines give it; the same where there are none."""
        if not (weights := reached.generation.weights):
            return merged.ranking
        with reached.notes.stage("weights"):
            reached.notes.factors = factors(merged.places, weights, self._catalog.editions, at=now())
            return weighed(merged.ranking, reached.notes.factors)

    def _rerank(self, generation: Generation, query: str, hits: Sequence[Hit]) -> list[Hit]:
        """The first hits in the reranker's order, the others behind them."""
        if self._reranker is None:
            raise ConfigError(
                "The mode 'hybrid+rerank' needs a reranker and none is configured.",
                hint="Set RAGKIT_RERANKER, or use the mode 'hybrid'.",
            )
        first = self._reranker(generation).rerank(query, hits[:RERANK_DEPTH])
        least = min((hit.score for hit in first), default=0.0)
        return first + [replace(hit, score=min(hit.score, least)) for hit in hits[RERANK_DEPTH:]]


def _check(query: str, k: int, mode: str, mmr: float | None) -> None:
    if not query.strip():
        raise InputError("The query is empty.", hint="Ask something.")
    if not 1 <= k <= MAX_K:
        raise InputError(f"k cannot be {k}; it goes from 1 to {MAX_K}.")
    if mmr is not None and not 0 <= mmr <= 1:
        raise InputError(f"mmr cannot be {mmr}; it goes from 0 (difference alone) to 1 (relevance alone).")
    if mode not in ("hybrid", "dense", "keyword", "hybrid+rerank"):
        raise InputError(f"There is no mode {mode!r}.", hint="Modes are hybrid, dense, keyword and hybrid+rerank.")
