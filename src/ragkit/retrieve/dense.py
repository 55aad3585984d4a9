"""Nearest neighbours of a question: among the vectors in memory, or asked of the vector store.

The vectors of a collection are in memory unless they are too many, or the process answers once. Then a large one is
asked of Chroma. A process that answers once scans the stored vectors instead of starting Chroma, and so does every
search with a narrow filter: Chroma's own filters take 36 ms at 50,000 chunks, a scan of what is left takes 3 ms and
misses nothing.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from ragkit.errors import Conflict
from ragkit.index.catalog import Catalog
from ragkit.index.directory import Directory
from ragkit.index.exact import ExactScan
from ragkit.index.generations import Generation
from ragkit.index.resident import MOST_BYTES, Directories, load_scan
from ragkit.protocols import Embedder, QueriesEmbedder, VectorStore
from ragkit.retrieve.filters import Reach, within
from ragkit.threads import Together

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["DenseSearch"]

_ASKED = 1024
"""Questions whose vectors are remembered: 1.5 MB at 384 dimensions."""
_TOGETHER = 16
"""Questions that are embedded at once."""
_LATELY = 16
"""Narrow scopes whose vectors are remembered: 3 MB each at most, at 384 dimensions."""


class DenseSearch:
    """Finds the chunks nearest to a question.

    Args:
        embedder: Opens the embedder of a generation, at the first search.
        catalog: Holds the stored vectors.
        vectors: Opens the vector store of a generation; without it every search is a scan.
        most_bytes: Of vectors in memory; the store is asked for those of larger collections.

    Attributes:
        embedded: The vector of a question by an embedder, remembered; `embedded.cache_info()` counts hits and misses.
        turns: For work that keeps a core busy. More at a time would wait for each other in Python, and pass the turn on
            at every row that they read.
    """

    def __init__(
        self,
        *,
        embedder: Callable[[Generation], Embedder],
        catalog: Catalog,
        vectors: Callable[[Generation], VectorStore] | None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._embedder = embedder
        self._catalog = catalog
        self._vectors = vectors
        self._directories = None if vectors is None else Directories(catalog, most_bytes=most_bytes)
        self.turns = BoundedSemaphore(os.cpu_count() or 1)
        self.embedded = lru_cache(_ASKED)(self._embedded)
        self._together: dict[str, Together[str, Vector]] = {}
        self._lately: OrderedDict[tuple[object, ...], ExactScan] = OrderedDict()
        self._remembering = Lock()

    def turn(self, reach: Reach) -> AbstractContextManager[object]:
        """Held while the lists of a search are read and merged, unless that waits for others more than it computes."""
        return self.turns if reach.directory is not None and self._catalog.local else nullcontext()

    def directory(self, generation: Generation) -> Directory | None:
        """The chunks of a collection in memory; none where they are too many, or the process answers once."""
        return None if self._directories is None else self._directories.of(generation)

    def embed(self, query: str, generation: Generation) -> Vector:
        """The vector of a question; those of several threads are embedded together where that takes less.

        Raises:
            Conflict: The collection was built with another embedder.
        """
        embedder = self._embedder(generation)
        if embedder.spec != generation.spec:
            raise Conflict(
                f"Collection {generation.collection!r} was built with {generation.spec.id!r}, "
                f"not with {embedder.spec.id!r}.",
                hint=f"Set RAGKIT_EMBEDDER={generation.spec.name}.",
            )
        # A port says nothing of hashing; what stands behind it is hashed by identity.
        return self.embedded(embedder, query)  # type: ignore[arg-type]

    def _embedded(self, embedder: Embedder, query: str) -> Vector:
        if not isinstance(embedder, QueriesEmbedder):
            return embedder.embed_query(query)
        with self._remembering:
            together = self._together.setdefault(embedder.spec.id, Together(self._in_turn(embedder), most=_TOGETHER))
        return together(query)

    def _in_turn(self, embedder: QueriesEmbedder) -> Callable[[Sequence[str]], Matrix]:
        def embed(queries: Sequence[str]) -> Matrix:
            # Who comes while this waits is embedded with it.
            with self.turns:
                return embedder.embed_queries(queries)

        return embed

    def tokens(self, query: str, generation: Generation) -> int:
        """How many tokens a question is for the embedder."""
        return len(self._embedder(generation).tokenizer.spans(query))

    def search(self, vector: Vector, *, k: int, reach: Reach) -> list[tuple[str, float]]:
        """At most `k` pairs (chunk id, cosine) within reach, best first."""
        if reach.directory is not None:
            return reach.directory.nearest(vector, k=k, within=reach.within)
        if reach.document_ids is None and self._vectors is not None:
            found = self._nearest(self._vectors(reach.generation), vector, k, reach)
            if found is not None:
                return found
        return self._scan(reach).search(vector, k=k)

    def _nearest(self, vectors: VectorStore, vector: Vector, k: int, reach: Reach) -> list[tuple[str, float]] | None:
        ended = False

        def search(depth: int) -> list[tuple[str, float]]:
            nonlocal ended
            found = vectors.search(vector, k=depth)
            ended = len(found) < depth
            return found

        found = search(k) if reach.scope.everything else within(search, reach.passing, k=k)
        # A graph of neighbours may not lead out of a crowd of equal vectors; what it leaves out, a scan finds.
        return None if found is None or (ended and len(found) < k) else found

    def _scan(self, reach: Reach) -> ExactScan:
        """The stored vectors within reach; those of the last narrow scopes are remembered."""
        if reach.document_ids is None:
            return load_scan(self._catalog, reach.generation, scope=reach.scope)
        key = (reach.generation.state, reach.document_ids)
        with self._remembering:
            known = self._lately.pop(key, None)
        # What is in scope has been looked up by now; the join with the catalog asks once more.
        scan = known or load_scan(self._catalog, reach.generation, document_ids=reach.document_ids)
        with self._remembering:
            self._lately[key] = scan
            while len(self._lately) > _LATELY:
                self._lately.popitem(last=False)
        return scan
