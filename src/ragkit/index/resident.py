"""The directories of the collections that were searched last, kept true to the catalog."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import numpy as np

from ragkit.index.catalog import Catalog
from ragkit.index.directory import Directory
from ragkit.index.exact import ExactScan
from ragkit.index.generations import Generation
from ragkit.index.scope import EVERYTHING, Scope

__all__ = ["MOST_BYTES", "Directories", "load_scan"]

MOST_BYTES = 400_000_000
"""Of vectors in memory, of all collections: 260,000 chunks of 384 dimensions. What has no room has no directory."""
KEPT = 64
"""Collections that are remembered at most."""
LATELY_S = 600.0
"""A collection that was searched so lately does not make room for another one."""
AGAIN_S = 60.0
"""How long a collection that has no room is left to the store, before it is counted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    created_at: datetime | None
    sequence: int
    directory: Directory | None
    """None for a collection that is too large, or has no room beside others."""
    made_at: float

    def answers(self, generation: Generation, at: float) -> bool:
        if self.created_at != generation.created_at:
            return False
        return at < self.made_at + AGAIN_S if self.directory is None else self.sequence >= generation.sequence


class Directories:
    """Made when a collection is searched, and again when it has changed; safe to share between threads.

    Args:
        catalog: What they are made of.
        most_bytes: Of the vectors of all of them together.
        clock: Seconds that pass.
    """

    def __init__(
        self, catalog: Catalog, *, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog = catalog
        self._most_bytes = most_bytes
        self._clock = clock
        self._asked: dict[int, float] = {}
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._making: dict[int, Lock] = {}
        self._lock = Lock()

    def of(self, generation: Generation) -> Directory | None:
        """The directory of a collection as it is now; none where it is too large, or is not what answers."""
        if generation.beside:
            return None
        if (known := self._known(generation)) is not None:
            return known.directory
        with self._lock:
            making = self._making.setdefault(generation.id, Lock())
        # A search of one collection does not wait for the directory of another.
        with making:
            known = self._known(generation) or self._made(generation)
        return known.directory

    def _known(self, generation: Generation) -> _Kept | None:
        with self._lock:
            known = self._kept.get(generation.id)
            self._asked[generation.id] = self._clock()
            if known is None or not known.answers(generation, self._asked[generation.id]):
                return None
            self._kept.move_to_end(generation.id)
            return known

    def _made(self, generation: Generation) -> _Kept:
        with self._lock:
            before = self._kept.get(generation.id)
        same = before is not None and before.created_at == generation.created_at
        directory = self._read(generation, before.directory if before is not None and same else None)
        sequence = generation.sequence if directory is None else directory.at.sequence
        made = _Kept(created_at=generation.created_at, sequence=sequence, directory=directory, made_at=self._clock())
        with self._lock:
            self._kept[generation.id] = made
            self._kept.move_to_end(generation.id)
            while len(self._kept) > 1 and (self._bytes() > self._most_bytes or len(self._kept) > KEPT):
                dropped, _ = self._kept.popitem(last=False)
                self._asked.pop(dropped, None)
        return made

    def _read(self, generation: Generation, before: Directory | None) -> Directory | None:
        if before is not None:
            contents = self._catalog.contents(generation, since=before.at)
            changed = None if contents is None else before.changed(contents)
            if changed is not None and not changed.worn and changed.bytes <= self._room(generation):
                return changed
        most = self._room(generation) // (4 * generation.spec.dimension)
        if self._catalog.count(generation) > most:
            return None
        contents = self._catalog.contents(generation)
        return None if contents is None else Directory.begun(contents)

    def _room(self, generation: Generation) -> int:
        """Bytes that the others which were searched lately leave.

        Two that drove each other out would be read whole at every search.
        """
        since = self._clock() - LATELY_S
        with self._lock:
            others = {key for key, asked in self._asked.items() if key != generation.id and asked >= since}
            return self._most_bytes - self._bytes(others)

    def _bytes(self, among: Container[int] | None = None) -> int:
        return sum(
            kept.directory.bytes
            for key, kept in self._kept.items()
            if kept.directory is not None and (among is None or key in among)
        )


def load_scan(
    catalog: Catalog,
    generation: Generation,
    *,
    document_ids: Sequence[str] | None = None,
    scope: Scope = EVERYTHING,
) -> ExactScan:
    """The stored vectors of some documents, or of all."""
    ids: list[str] = []
    blocks = [np.empty((0, generation.spec.dimension), np.float32)]
    for block_ids, block in catalog.live_vectors(generation, document_ids=document_ids, scope=scope):
        ids += block_ids
        blocks.append(block)
    return ExactScan(ids, np.concatenate(blocks))
