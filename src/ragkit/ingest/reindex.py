"""Builds the next generation of a collection beside the live one, and switches to it.

Everything comes from the catalog: the texts of the live versions, and the vectors that are stored under the same input.
A build that was broken off goes on where it was; what has changed meanwhile is built before the switch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ragkit.errors import Conflict
from ragkit.history import Reindexed
from ragkit.index.generations import Generation, Superseded
from ragkit.index.ledger import Attempt
from ragkit.index.rebuilding import Beside
from ragkit.ingest.chunking import LEAST_ROOM
from ragkit.ingest.drafts import rebuilt
from ragkit.ingest.indexing import IndexWriter
from ragkit.ingest.parts import IngestParts
from ragkit.ingest.pipelines import ChunkProfile
from ragkit.protocols import Embedder

__all__ = ["Quality", "Reindexer"]

Quality = Callable[[Generation], float]
"""How well a generation finds the sources of golden questions, 0 to 1."""
_ROUNDS = 20
"""Times that changes are caught up with; under more of them than that, somebody must stop ingesting for a moment."""
_WORSE = 0.005


class Reindexer:
    """Changes the generation of collections.

    Args:
        parts: What the write path is made of.
    """

    def __init__(self, parts: IngestParts) -> None:
        self._parts = parts

    def run(
        self,
        collection: str,
        *,
        embedder: Embedder | None = None,
        chunks: ChunkProfile | None = None,
        quality: Quality | None = None,
        force: bool = False,
        on_progress: Callable[[int, int], None] = lambda done, found: None,
    ) -> Reindexed:
        """Build a generation and answer from it; the one before is kept.

        Args:
            collection: Which one.
            embedder: Of the new generation; by default that of the live one.
            chunks: How documents are cut; by default as they are.
            quality: Measures both generations before the switch.
            force: Switch also when the new one is worse.
            on_progress: Called with documents that are built and those to be built.

        Raises:
            NotFound: There is no such collection.
            Conflict: The new generation is worse, or another process has switched meanwhile.
        """
        live = self._parts.collections.get(collection)
        model = embedder or self._parts.embedder_for(live)
        chunking = _chunking(live, chunks)
        longest = live.spec.max_tokens if chunking is None else chunking["tokens"] + LEAST_ROOM
        if model.spec.max_tokens < longest:
            raise Conflict(
                f"{model.spec.name!r} reads {model.spec.max_tokens} tokens, and passages with their headings may have "
                f"up to {longest}.",
                hint=f"Cut them anew: `--chunk-profile {model.spec.max_tokens - LEAST_ROOM}/0/structure`.",
            )
        target = self._parts.generations.begin(live, model.spec, chunking)
        for other in self._parts.generations.unfinished(live):
            if other.id != target.id:
                self._drop(other)
        return self._replace(live, target, model, quality=quality, force=force, on_progress=on_progress)

    def roll_back(
        self, collection: str, *, on_progress: Callable[[int, int], None] = lambda done, found: None
    ) -> Reindexed:
        """Answer from the generation before again; documents that have changed since are built in it first.

        Raises:
            NotFound: There is no such collection.
            Conflict: It has no earlier generation.
        """
        live = self._parts.collections.get(collection)
        target = self._parts.generations.previous(live)
        model = self._parts.embedder_for(target)
        return self._replace(live, target, model, quality=None, force=True, on_progress=on_progress)

    def _replace(
        self,
        live: Generation,
        target: Generation,
        embedder: Embedder,
        *,
        quality: Quality | None,
        force: bool,
        on_progress: Callable[[int, int], None],
    ) -> Reindexed:
        started = time.monotonic()
        built = embedded = 0
        measured: tuple[float, float] | None = None
        for _ in range(_ROUNDS):
            while todo := self._parts.generations.missing(target):
                embedded += self._build(target, todo, embedder, on_progress)
                built += len(todo)
            self._complete(target)
            if quality is not None and measured is None:
                measured = quality(live), quality(target)
                _check(*measured, live=live, force=force)
            try:
                if not self._parts.generations.switch(live, target):
                    continue
            except Superseded as error:
                raise Conflict(f"Another process has reindexed {live.collection!r} meanwhile.") from error
            now = self._parts.collections.get(live.collection)
            self._complete(now)
            for old in self._parts.generations.retired(now)[:-1]:
                self._drop(old)
            self._parts.snapshots.record(now, note=f"Generation {now.number}.")
            return Reindexed(
                collection=live.collection,
                generation=now.number,
                before=live.number,
                embedder=now.spec.id,
                chunking="" if now.chunking is None else "{tokens}/{overlap}/{strategy}".format(**now.chunking),
                documents=built,
                embedded=embedded,
                quality_before=measured and round(measured[0], 4),
                quality=measured and round(measured[1], 4),
                seconds=round(time.monotonic() - started, 3),
            )
        raise Conflict(
            f"Documents of {live.collection!r} change faster than they are built again.",
            hint="Pause ingestion and run the same command again: what is built is kept.",
        )

    def _build(
        self,
        target: Generation,
        todo: Sequence[tuple[str, int]],
        embedder: Embedder,
        on_progress: Callable[[int, int], None],
    ) -> int:
        """Build the versions of documents that a generation lacks; returns how many texts were embedded."""
        parts = self._parts
        vectors, keywords = parts.stores(target)
        cut = None if target.chunking is None else parts.chunker(embedder, target.chunking)
        done = 0

        def count(*_: object) -> None:
            nonlocal done
            done += 1
            on_progress(done, len(todo))

        with IndexWriter(
            generation=target,
            ledger=_NoSteps(),
            versions=Beside(parts.database, dict(todo)),
            cache=parts.cache,
            embedder=embedder,
            signs=parts.signs,
            vectors=vectors,
            keywords=keywords,
            turn=partial(parts.turn, target),
            on_live=count,
        ) as writer:
            for document_id, version_id in todo:
                known, stored = parts.ledger.one(document_id), parts.retained.load(version_id)
                if known is not None and stored is not None:  # else it has gone or changed meanwhile
                    attempt = Attempt(document_id=document_id)
                    writer.add(rebuilt(stored, known=known, attempt=attempt, generation=target, chunker=cut))
        return writer.embedded

    def _complete(self, generation: Generation) -> None:
        """Make the indexes of a generation hold what the catalog says, whatever a crash or a deletion left."""
        catalog = self._parts.catalog
        vectors, keywords = self._parts.stores(generation)
        with self._parts.turn(generation):
            needed = set(catalog.live_chunks(generation))
            if missing := needed - (there := vectors.ids()):
                for ids, matrix in catalog.live_vectors(generation):
                    rows = [row for row, key in enumerate(ids) if key in missing]
                    vectors.upsert([ids[row] for row in rows], matrix[rows])
            vectors.delete(sorted(there - needed))
            found = keywords.ids()
            if needed - found:
                keywords.rebuild(catalog.keyword_entries(generation))
            elif found - needed:
                keywords.update(add=(), delete=sorted(found - needed))

    def _drop(self, generation: Generation) -> None:
        vectors, keywords = self._parts.stores(generation)
        vectors.drop()
        keywords.drop()
        self._parts.generations.forget(generation)


class _NoSteps:
    """Nothing is attempted on the documents themselves: their ledger stays as it is."""

    def begin(self, work: Sequence[Attempt]) -> None:
        pass

    def reached(self, work: Sequence[Attempt], step: object) -> None:
        pass


def _chunking(live: Generation, chunks: ChunkProfile | None) -> dict[str, Any] | None:
    if chunks is None:
        return None if live.chunking is None else dict(live.chunking)
    return {"tokens": chunks.tokens, "overlap": chunks.overlap or 0, "strategy": chunks.strategy}


def _check(before: float, after: float, *, live: Generation, force: bool) -> None:
    if after < before - _WORSE and not force:
        raise Conflict(
            f"The new generation of {live.collection!r} finds the sources of the golden questions less well: "
            f"{after:.3f} instead of {before:.3f}. The old one goes on answering.",
            hint="`--force` switches all the same; what was built is kept until the next reindex.",
        )
