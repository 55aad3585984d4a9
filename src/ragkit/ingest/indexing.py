"""Puts batches of chunked documents into the index: embed what is missing, write vectors and keywords, go live, retire.

Vectors and keywords are written first, under new chunk ids; then one SQL transaction makes the batch live; then the old
ids are removed. While one batch is written, the next is embedded, and the one after that is gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ragkit.index.generations import Generation
from ragkit.index.ledger import Attempt
from ragkit.index.token_signs import TokenSigns, signs_of
from ragkit.index.versions import NewChunk, NewVersion
from ragkit.ingest.drafts import Draft
from ragkit.protocols import Embedder, KeywordEntry, KeywordIndex, TokenEmbedder, VectorStore
from ragkit.store.embeddings import VectorCache

if TYPE_CHECKING:
    from ragkit.history import Step
    from ragkit.protocols import Matrix

__all__ = ["IndexWriter"]

BATCH_CHUNKS = 1024
BATCH_DOCUMENTS = 128
ENOUGH_CHUNKS = (
    64  # so many are embedded at once when nothing else is: at the start of a run nobody waits for a full batch
)
EMBED_AT_ONCE = 2048  # a very long document is embedded in parts, so that a crash does not lose all of the work
SIGN_AT_ONCE = 128  # the vectors of their tokens take 100 MB at most, at 256 tokens and 384 dimensions


class Steps(Protocol):
    """Records how far attempts on documents have come."""

    def begin(self, work: Sequence[Attempt]) -> None: ...

    def reached(self, work: Sequence[Attempt], step: Step) -> None: ...


class Switch(Protocol):
    """Puts versions where they belong."""

    def go_live(self, generation: Generation, batch: Sequence[NewVersion]) -> tuple[list[NewVersion], list[str]]:
        """Returns the versions that were taken, and the ids of the chunks that are not needed any more."""
        ...


class IndexWriter:
    """Collects drafts and makes them live, a batch at a time.

    Args:
        generation: Where they go.
        ledger: Records how far each document has come.
        versions: Switches versions.
        cache: Vectors by content.
        embedder: Called for texts that the cache lacks.
        vectors: The generation's vector store.
        keywords: The generation's keyword index.
        signs: Where what the built-in reranker compares of each chunk is kept, if it is to be.
        turn: Held while a batch is written: nobody makes the indexes again meanwhile.
        on_live: Called with each draft and whether it went live: false when another writer changed the document first.
        admit: Called with each draft and the vectors of its chunks; returns what is to go live, if anything.
    """

    def __init__(
        self,
        *,
        generation: Generation,
        ledger: Steps,
        versions: Switch,
        cache: VectorCache,
        embedder: Embedder,
        vectors: VectorStore,
        keywords: KeywordIndex,
        signs: TokenSigns | None = None,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
        on_live: Callable[[Draft, bool], None] = lambda draft, switched: None,
        admit: Callable[[Draft, Matrix], Draft | None] = lambda draft, rows: draft,
    ) -> None:
        self._generation = generation
        self._ledger = ledger
        self._versions = versions
        self._cache = cache
        self._embedder = embedder
        self._vectors = vectors
        self._keywords = keywords
        self._signs = signs
        self._turn = turn
        self._on_live = on_live
        self._admit = admit
        self._drafts: list[Draft] = []
        self._chunks = 0
        self._retired: list[str] = []
        self._embedder_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ragkit-embed")
        self._writer_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ragkit-index")
        self._embedding: Future[None] | None = None
        self._writing: Future[None] | None = None
        self.embedded = 0
        """Texts that the embedder was called for."""

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.finish()
        finally:
            self.close()

    def finish(self) -> None:
        """Make live what has been added."""
        self._flush()
        self._wait_for_embedding()
        self._wait_for_writing()
        self._retire()

    def close(self) -> None:
        """End the threads, which finish what they have begun."""
        self._embedder_thread.shutdown()
        self._writer_thread.shutdown()

    def add(self, draft: Draft) -> None:
        """Take a draft; it is live when the batch that it falls into is written, at the latest when the block ends."""
        self._drafts.append(draft)
        self._chunks += len(draft.chunks)
        full = self._chunks >= BATCH_CHUNKS or len(self._drafts) >= BATCH_DOCUMENTS
        idle = self._embedding is None or self._embedding.done()
        if full or (idle and self._chunks >= ENOUGH_CHUNKS):
            self._flush()

    def _flush(self) -> None:
        drafts, self._drafts, self._chunks = self._drafts, [], 0
        if drafts:
            self._wait_for_embedding()
            self._embedding = self._embedder_thread.submit(self._process, drafts)

    def _process(self, drafts: list[Draft]) -> None:
        attempts = [draft.attempt for draft in drafts]
        self._ledger.begin(attempts)
        matrices = self._embed(drafts)
        self._sign(drafts)
        self._ledger.reached(attempts, "embedded")
        judged = [(self._admit(draft, rows), rows) for draft, rows in zip(drafts, matrices, strict=True)]
        admitted = [(draft, rows) for draft, rows in judged if draft is not None]
        self._wait_for_writing()
        if admitted:
            self._writing = self._writer_thread.submit(self._write, admitted)

    def _wait_for_embedding(self) -> None:
        if self._embedding is not None:
            self._embedding.result()
            self._embedding = None

    def _wait_for_writing(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _embed(self, drafts: Sequence[Draft]) -> list[Matrix]:
        """Vectors of the chunks of each draft, from the cache where it has them; new ones are kept at once."""
        spec = self._embedder.spec
        keys = [key for draft in drafts for key in draft.vector_keys]
        inputs = [text for draft in drafts for text in draft.inputs]
        # Read before the others are embedded: meanwhile somebody may delete the last document that has one.
        known = self._cache.find(list(dict.fromkeys(keys)), dimension=spec.dimension)
        fresh = {key: text for key, text in zip(keys, inputs, strict=True) if key not in known}
        new_keys = list(fresh)
        for start in range(0, len(new_keys), EMBED_AT_ONCE):
            part = new_keys[start : start + EMBED_AT_ONCE]
            rows = self._embedder.embed_documents([fresh[key] for key in part])
            self._cache.put(part, rows)
            known.update(zip(part, rows, strict=True))
            self.embedded += len(part)
        none = np.empty((0, spec.dimension), np.float32)
        return [np.stack([known[key] for key in draft.vector_keys]) if draft.vector_keys else none for draft in drafts]

    def _sign(self, drafts: Sequence[Draft]) -> None:
        if self._signs is None or not isinstance(self._embedder, TokenEmbedder):
            return
        texts = {key: text for draft in drafts for key, text in zip(draft.vector_keys, draft.inputs, strict=True)}
        missing = sorted(self._signs.missing(list(texts)), key=lambda key: len(texts[key]))
        for start in range(0, len(missing), SIGN_AT_ONCE):
            part = missing[start : start + SIGN_AT_ONCE]
            tokens = self._embedder.embed_tokens([texts[key] for key in part])
            self._signs.keep({key: signs_of(texts[key], found) for key, found in zip(part, tokens, strict=True)})

    def _write(self, admitted: list[tuple[Draft, Matrix]]) -> None:
        drafts = [draft for draft, _ in admitted]
        chunk_ids = [chunk.chunk_id for draft in drafts for chunk in draft.chunks]
        versions = [_version(draft, rows) for draft, rows in admitted]
        with self._turn():
            self._vectors.upsert(chunk_ids, np.concatenate([rows for _, rows in admitted]))
            # What the last batch retired goes in the same commit: a commit costs more than the entries in it.
            self._keywords.update(add=_entries(drafts), delete=self._retired)
            self._ledger.reached([draft.attempt for draft in drafts], "indexed")
            switched, self._retired = self._versions.go_live(self._generation, versions)
            self._vectors.delete(self._retired)
        live = {version.known.document_id for version in switched}
        for draft in drafts:
            self._on_live(draft, draft.known.document_id in live)

    def _retire(self) -> None:
        if self._retired:
            self._keywords.update(add=(), delete=self._retired)


def _entries(drafts: Sequence[Draft]) -> list[KeywordEntry]:
    return [
        KeywordEntry(
            chunk_id=chunk.chunk_id,
            document_id=draft.known.document_id,
            title=draft.parsed.title,
            heading=chunk.heading,
            text=chunk.text,
            language=draft.parsed.metadata.get("language", ""),
        )
        for draft in drafts
        for chunk in draft.chunks
    ]


def _version(draft: Draft, matrix: Matrix) -> NewVersion:
    return NewVersion(
        known=draft.known,
        attempt=draft.attempt,
        sha256=draft.sha256,
        size=draft.size,
        fingerprint=draft.fingerprint,
        parsed=draft.parsed,
        chunks=tuple(
            NewChunk(chunk=chunk, vector_key=key, vector=vector)
            for chunk, key, vector in zip(draft.chunks, draft.vector_keys, matrix, strict=True)
        ),
        verdicts=draft.verdicts,
        signature=draft.signature,
        bands=draft.bands,
    )
