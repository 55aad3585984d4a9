"""Nearest neighbours of a question: asked of the vector store, or scanned exactly where that is faster.

Small collections are scanned in memory. A process that answers once scans the stored vectors instead of starting
Chroma, and so does every search with a narrow filter: Chroma's own filters take 36 ms at 50,000 chunks, a scan of what
is left takes 3 ms and misses nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from ragkit.errors import Conflict
from ragkit.index.catalog import Catalog
from ragkit.index.exact import ExactScan
from ragkit.index.generations import Generation
from ragkit.index.resident import ResidentVectors
from ragkit.index.scope import EVERYTHING, Scope
from ragkit.protocols import Embedder, VectorStore
from ragkit.retrieve.filters import Reach, within

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["DenseSearch"]

_LATELY = 16
"""Narrow scopes whose vectors are remembered: 3 MB each at most, at 384 dimensions."""


class DenseSearch:
    """Finds the chunks nearest to a question.

    Args:
        embedder: Opens the embedder of a generation, at the first search.
        catalog: Holds the stored vectors.
        vectors: Opens the vector store of a generation; without it every search is a scan.
    """

    def __init__(
        self,
        *,
        embedder: Callable[[Generation], Embedder],
        catalog: Catalog,
        vectors: Callable[[Generation], VectorStore] | None,
    ) -> None:
        self._embedder = embedder
        self._catalog = catalog
        self._vectors = vectors
        self._resident = ResidentVectors(catalog)
        self._lately: OrderedDict[tuple[object, ...], ExactScan] = OrderedDict()
        self._remembering = Lock()

    def embed(self, query: str, generation: Generation) -> Vector:
        """The vector of a question.

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
        return embedder.embed_query(query)

    def tokens(self, query: str, generation: Generation) -> int:
        """How many tokens a question is for the embedder."""
        return len(self._embedder(generation).tokenizer.spans(query))

    def search(self, vector: Vector, *, k: int, reach: Reach) -> list[tuple[str, float]]:
        """At most `k` pairs (chunk id, cosine) within reach, best first."""
        if reach.document_ids is None and self._vectors is not None:
            resident = self._resident.scan(reach.generation) if reach.scope.everything else None
            if resident is not None:
                return resident.search(vector, k=k)
            found = self._nearest(self._vectors(reach.generation), vector, k, reach)
            if found is not None:
                return found
        return self._scan(reach).search(vector, k=k)

    def _nearest(self, vectors: VectorStore, vector: Vector, k: int, reach: Reach) -> list[tuple[str, float]] | None:
        if not reach.scope.everything:
            return within(lambda depth: vectors.search(vector, k=depth), reach.passing, k=k)
        found = vectors.search(vector, k=k)
        # A graph of neighbours may not lead out of a crowd of equal vectors; what it leaves out, a scan finds.
        return found if len(found) == k else None

    def _scan(self, reach: Reach) -> ExactScan:
        """The stored vectors within reach; those of the last narrow scopes are remembered."""
        if reach.document_ids is None:
            return self._read(reach, reach.scope)
        key = (reach.generation.state, reach.document_ids)
        with self._remembering:
            known = self._lately.pop(key, None)
        # What is in scope has been looked up by now; the join with the catalog asks once more.
        scan = known or self._read(reach, EVERYTHING)
        with self._remembering:
            self._lately[key] = scan
            while len(self._lately) > _LATELY:
                self._lately.popitem(last=False)
        return scan

    def _read(self, reach: Reach, scope: Scope) -> ExactScan:
        ids: list[str] = []
        blocks = [np.empty((0, reach.generation.spec.dimension), np.float32)]
        stored = self._catalog.live_vectors(reach.generation, document_ids=reach.document_ids, scope=scope)
        for block_ids, block in stored:
            ids += block_ids
            blocks.append(block)
        return ExactScan(ids, np.concatenate(blocks))
