"""Finds passages: dense and keyword lists, fused, joined with the catalog, copies collapsed, reranked on request."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ragkit.errors import ConfigError, InputError
from ragkit.explanation import Explanation
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections, Generation
from ragkit.index.scope import EVERYTHING, Scope, checked
from ragkit.protocols import KeywordIndex, Reranker
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.duplicates import collapse, prefer_newest
from ragkit.retrieve.explain import candidates
from ragkit.retrieve.filters import NARROW, Reach, reach
from ragkit.retrieve.fusion import above_background, convex, cosines
from ragkit.retrieve.weights import dense_weight, signals
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


class Retriever:
    """Searches collections.

    Args:
        collections: Where generations are looked up.
        catalog: What every id is joined with.
        dense: Nearest neighbours.
        keywords: Opens the keyword index of a generation.
        reranker: Opens the reranker, for the mode `hybrid+rerank`.
        narrow: Chunks in scope up to which they are compared one by one.
    """

    def __init__(
        self,
        *,
        collections: Collections,
        catalog: Catalog,
        dense: DenseSearch,
        keywords: Callable[[Generation], KeywordIndex],
        reranker: Callable[[], Reranker] | None,
        narrow: int = NARROW,
    ) -> None:
        self._collections = collections
        self._catalog = catalog
        self._dense = dense
        self._keywords = keywords
        self._reranker = reranker
        self._narrow = narrow
        self._beside = ThreadPoolExecutor(max_workers=4, thread_name_prefix="ragkit-keywords")

    def search(
        self,
        query: str,
        *,
        collection: str,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
        access: tuple[str, ...] | None = None,
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
            generation: Another one than that which answers, to compare the two.

        Raises:
            NotFound: There is no such collection.
            InputError: The query is empty, `k` is out of range or the mode is unknown.
            ConfigError: The mode needs a reranker, which cannot be used.
        """
        started = time.perf_counter()
        scope = Scope(filters=checked(filters), access=access)
        hits, _ = self._searched(query, collection, scope, k=k, mode=mode, generation=generation)
        ranked = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1))
        return SearchResult(query=query, hits=ranked, took_ms=round((time.perf_counter() - started) * 1e3, 2))

    def explain(
        self,
        query: str,
        *,
        collection: str,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
        access: tuple[str, ...] | None = None,
    ) -> Explanation:
        """Search, and tell what every stage did; for operators, since it names what is out of scope.

        Raises:
            NotFound: There is no such collection.
            InputError: As for `search`.
        """
        scope = Scope(filters=checked(filters), access=access)
        hits, reached = self._searched(query, collection, scope, k=k, mode=mode)
        notes, generation = reached.notes, reached.generation

        def look_up(ids: Sequence[str]) -> dict[str, Hit]:
            return self._catalog.hits(generation, ids, EVERYTHING)

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
        )

    def _searched(
        self, query: str, collection: str, scope: Scope, *, k: int, mode: Mode, generation: Generation | None = None
    ) -> tuple[list[Hit], Reach]:
        """The hits, best first, with what was reached and noted on the way."""
        _check(query, k, mode)
        searched = generation or self._collections.get(collection)
        while True:
            reached = reach(self._catalog, searched, scope, narrow=self._narrow)
            hits = self._found(reached, query, k, mode)
            if generation is not None or len(hits) >= k:
                return hits, reached
            now = self._collections.get(collection)
            if now.id == searched.id:
                return hits, reached
            searched = now  # a reindex has switched meanwhile: what was found answers no more

    def _found(self, reached: Reach, query: str, k: int, mode: Mode) -> list[Hit]:
        if reached.empty:
            return []
        depth = max(k, RERANK_DEPTH) if mode == "hybrid+rerank" else k
        notes = reached.notes
        notes.distinct = self._distinct(reached, query, depth, mode)
        hits: Sequence[Hit] = notes.distinct[: SPARE * depth]
        if mode == "hybrid+rerank":
            with notes.stage("rerank"):
                hits = notes.reranked = self._rerank(query, hits)
        with notes.stage("editions"):
            editions = self._catalog.editions(sorted({hit.document_id for hit in hits}))
            notes.ordered = ordered = prefer_newest(hits, editions)
        return ordered[:k]

    def close(self) -> None:
        self._beside.shutdown()

    def _distinct(self, reached: Reach, query: str, k: int, mode: Mode) -> list[Hit]:
        """At least `k` different passages where there are so many; the lists are read deeper where copies fill them."""
        depth = max(DEPTH, k)
        while True:
            merged, via = self._merged(reached, query, depth, mode)
            with reached.notes.stage("join"):
                hits = collapse(self._join(reached, merged, via))
            if len(hits) >= k or len(merged) < depth or depth >= DEEPEST:
                return hits
            depth *= 4

    def _merged(
        self, reached: Reach, query: str, depth: int, mode: Mode
    ) -> tuple[Sequence[tuple[str, float]], dict[str, tuple[str, ...]]]:
        """Fused (id, score) pairs, and which lists each id came from."""
        beside, notes = None, reached.notes
        if mode != "dense":
            index = self._keywords(reached.generation)
            beside = self._beside.submit(reached.keywords, index, query, k=depth)
        if mode == "keyword":
            dense, vector = [], None
        else:
            with notes.stage("embed"):
                vector = self._dense.embed(query, reached.generation)
            with notes.stage("dense"):
                dense = self._dense.search(vector, k=depth, reach=reached)
        with notes.stage("keyword (beyond dense)" if mode == "hybrid" else "keyword"):
            keyword = beside.result() if beside else []
        notes.dense, notes.keyword = tuple(dense), keyword
        via: dict[str, tuple[str, ...]] = dict.fromkeys((key for key, _ in dense), ("dense",))
        via.update((key, (*via.get(key, ()), "keyword")) for key, _ in keyword)
        if vector is None or mode == "dense":
            notes.merged = dense or keyword
            return notes.merged, via
        # What only the keywords found has a cosine too: counted as 0, a good passage would fall behind any neighbour.
        unseen = [key for key, _ in keyword if via[key] == ("keyword",)]
        dense += self._dense.cosines(vector, reached.generation, unseen)
        notes.signals = signals(query, keyword, tokens=self._dense.tokens(query, reached.generation))
        notes.weight = dense_weight(notes.signals, offset=reached.generation.dense_offset)
        notes.merged = convex(cosines(dense), above_background(keyword), weight=notes.weight)
        return notes.merged, via

    def _join(self, reached: Reach, merged: Sequence[tuple[str, float]], via: dict[str, tuple[str, ...]]) -> list[Hit]:
        live = self._catalog.hits(reached.generation, [key for key, _ in merged], reached.scope)
        return [replace(live[key], score=round(score, 6), via=via[key]) for key, score in merged if key in live]

    def _rerank(self, query: str, hits: Sequence[Hit]) -> list[Hit]:
        """The first hits in the reranker's order, the others behind them."""
        if self._reranker is None:
            raise ConfigError(
                "The mode 'hybrid+rerank' needs a reranker and none is configured.",
                hint="Set RAGKIT_RERANKER, or use the mode 'hybrid'.",
            )
        first = self._reranker().rerank(query, hits[:RERANK_DEPTH])
        least = min((hit.score for hit in first), default=0.0)
        return first + [replace(hit, score=min(hit.score, least)) for hit in hits[RERANK_DEPTH:]]


def _check(query: str, k: int, mode: str) -> None:
    if not query.strip():
        raise InputError("The query is empty.", hint="Ask something.")
    if not 1 <= k <= MAX_K:
        raise InputError(f"k cannot be {k}; it goes from 1 to {MAX_K}.")
    if mode not in ("hybrid", "dense", "keyword", "hybrid+rerank"):
        raise InputError(f"There is no mode {mode!r}.", hint="Modes are hybrid, dense, keyword and hybrid+rerank.")
