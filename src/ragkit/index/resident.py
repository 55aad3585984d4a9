"""The vectors of small collections, in memory: comparing them all is exact, and takes less than asking a server."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

from ragkit.index.catalog import Catalog
from ragkit.index.exact import ExactScan
from ragkit.index.generations import Generation

__all__ = ["ResidentVectors", "load_scan"]

SMALL = 5_000
"""Chunks of a collection that is kept: 8 MB of 384 dimensions, compared in half a millisecond, read in 50."""
KEPT = 16
"""Collections, those asked last."""


class ResidentVectors:
    """Scans of small collections, read again when these have changed; safe to share between threads."""

    def __init__(self, catalog: Catalog, *, small: int = SMALL) -> None:
        self._catalog = catalog
        self._small = small
        self._scans: OrderedDict[int, tuple[object, ExactScan | None]] = OrderedDict()
        self._lock = Lock()

    def scan(self, generation: Generation) -> ExactScan | None:
        """All vectors of a collection as it is now; none where it is large."""
        with self._lock:
            known = self._scans.get(generation.id)
            if known is not None and known[0] == generation.state:
                self._scans.move_to_end(generation.id)
                return known[1]
        # Not under the lock: a search of one collection does not wait for the vectors of another.
        small = self._catalog.count(generation) <= self._small
        made = load_scan(self._catalog, generation) if small else None
        with self._lock:
            self._scans[generation.id] = (generation.state, made)
            while len(self._scans) > KEPT:
                self._scans.popitem(last=False)
        return made


def load_scan(catalog: Catalog, generation: Generation, *, document_ids: Sequence[str] | None = None) -> ExactScan:
    """The stored vectors of some documents, or of all."""
    ids: list[str] = []
    blocks = [np.empty((0, generation.spec.dimension), np.float32)]
    for block_ids, block in catalog.live_vectors(generation, document_ids=document_ids):
        ids += block_ids
        blocks.append(block)
    return ExactScan(ids, np.concatenate(blocks))
