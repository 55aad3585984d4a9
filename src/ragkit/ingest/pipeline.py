"""The write path of a run: which files changed, parsed, chunked and handed to the index.

Unchanged is decided by the hash of the bytes and the processing fingerprint, before anything is parsed. Chunk ids
derive from document, version and place, so that a run after a crash writes the same entries again and nothing twice.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ragkit.errors import ParseFailed, RagkitError, TooLarge
from ragkit.index.generations import Collections, Generation
from ragkit.index.ledger import Known, Ledger
from ragkit.ingest.chunking import embedded_input
from ragkit.ingest.indexing import Draft, IndexWriter
from ragkit.ingest.isolation import ParsedFile, ParserPool
from ragkit.ingest.parsers import content_title, parser_for
from ragkit.ingest.report import Progress, Tally
from ragkit.ingest.sources import Item
from ragkit.parsed import Piece
from ragkit.protocols import Chunker, Embedder, KeywordIndex, Source, VectorStore
from ragkit.store.embeddings import VectorCache
from ragkit.types import Chunk, IngestReport, Receipt

__all__ = ["Ingestor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """A file whose bytes or processing differ from what is live."""

    item: Item
    known: Known
    fingerprint: str


class Ingestor:
    """Brings files into collections, and takes documents out again.

    Args:
        collections: Where generations are looked up and made.
        ledger: The write side of the catalog.
        cache: Stored vectors by content.
        embedder: Makes the vectors that are missing.
        chunker: Cuts documents into passages.
        stores: Opens the vector store and the keyword index of a generation.
        parsers: Parses in processes of its own.
        max_bytes: Larger files are refused.
    """

    def __init__(
        self,
        *,
        collections: Collections,
        ledger: Ledger,
        cache: VectorCache,
        embedder: Embedder,
        chunker: Chunker,
        stores: Callable[[Generation], tuple[VectorStore, KeywordIndex]],
        parsers: ParserPool,
        max_bytes: int,
    ) -> None:
        self._collections = collections
        self._ledger = ledger
        self._cache = cache
        self._embedder = embedder
        self._chunker = chunker
        self._stores = stores
        self._parsers = parsers
        self._max_bytes = max_bytes

    def run(
        self,
        collection: str,
        items: Sequence[Item],
        *,
        prune: Sequence[str] = (),
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> IngestReport:
        """Ingest files into a collection; one bad file never stops the run.

        Args:
            collection: Made when it does not exist.
            items: What was found.
            prune: Remove documents whose uri begins with one of these and was not found.
            on_progress: Called after each document.

        Raises:
            Conflict: The collection was built with another embedder.
            StorageError: The disk or a store refused; what was committed stays.
        """
        generation = self._collections.ensure(collection, self._embedder.spec)
        known = self._ledger.known(generation)
        tally = Tally(found=len(items), on_progress=on_progress)
        changed = self._changed(generation, items, known, tally)
        first = next(changed, None)
        if first is not None:  # else nothing is started: no parser, no vector store
            self._index(generation, itertools.chain([first], changed), tally)
        if prune:
            there = {item.uri for item in items}
            gone = [doc.document_id for uri, doc in known.items() if uri not in there and uri.startswith(tuple(prune))]
            tally.deleted = len(self.delete(generation, gone))
        return tally.report()

    def delete(self, generation: Generation, document_ids: Sequence[str]) -> list[Receipt]:
        """Remove documents from the catalog, and then from what is derived from it."""
        if not document_ids:
            return []
        receipts, chunk_ids = self._ledger.remove(generation, document_ids)
        if chunk_ids:
            vectors, keywords = self._stores(generation)
            vectors.delete(chunk_ids)
            keywords.update(add=(), delete=chunk_ids)
        return receipts

    def _changed(
        self, generation: Generation, items: Iterable[Item], known: dict[str, Known], tally: Tally
    ) -> Iterator[_Changed]:
        """Leave out what is unchanged or cannot be read."""
        for item in items:
            try:
                data = _read(item, self._max_bytes)
                parser = parser_for(Source(name=item.name, data=data))
            except RagkitError as error:
                self._failed(generation, item, known.get(item.uri), error, tally)
                continue
            fingerprint = f"{parser.name} {self._chunker.name}"
            there = known.get(item.uri)
            if there and there.fingerprint == fingerprint and there.sha256 == hashlib.sha256(data).hexdigest():
                tally.count("unchanged", item.uri)
                continue
            there = there or self._ledger.find(generation, item.uri)
            yield _Changed(item=item, known=there, fingerprint=fingerprint)

    def _index(self, generation: Generation, changed: Iterator[_Changed], tally: Tally) -> None:
        vectors, keywords = self._stores(generation)

        def live(draft: Draft, switched: bool) -> None:
            tally.chunks += len(draft.chunks)
            # Where another writer was faster, the document answers from that writer's version.
            tally.count(("updated" if draft.known.sha256 else "added") if switched else "unchanged", draft.uri)

        writer = IndexWriter(
            generation=generation,
            ledger=self._ledger,
            cache=self._cache,
            embedder=self._embedder,
            vectors=vectors,
            keywords=keywords,
            on_live=live,
        )
        try:
            with writer:
                no_options: dict[str, str] = {}
                files = ((change, change.item.path, change.item.name, no_options) for change in changed)
                for change, file in self._parsers.parse_all(files):
                    if isinstance(file, RagkitError):
                        self._failed(generation, change.item, change.known, file, tally)
                    else:
                        writer.add(self._draft(generation, change, file))
        finally:
            tally.embedded += writer.embedded

    def _draft(self, generation: Generation, change: _Changed, file: ParsedFile) -> Draft:
        parsed = file.parsed
        title = content_title(parsed, change.item.name)
        pieces = self._chunker.split(parsed)
        origin = f"{change.known.document_id} {file.sha256} {generation.id} {change.fingerprint}"
        chunks = tuple(_chunk(origin, ordinal, piece, parsed.text) for ordinal, piece in enumerate(pieces))
        return Draft(
            uri=change.item.uri,
            known=change.known,
            sha256=file.sha256,
            size=file.size,
            fingerprint=change.fingerprint,
            parsed=parsed,
            chunks=chunks,
            inputs=tuple(embedded_input(title=title, heading=c.heading, text=c.text) for c in chunks),
        )

    def _failed(
        self, generation: Generation, item: Item, known: Known | None, error: RagkitError, tally: Tally
    ) -> None:
        there = known or self._ledger.find(generation, item.uri)
        self._ledger.fail(there.document_id, error.detail)
        tally.fail(item.uri, error)


def _read(item: Item, max_bytes: int) -> bytes:
    try:
        if (size := item.path.stat().st_size) > max_bytes:
            raise TooLarge(
                f"{item.name!r} has {size / 1e6:,.0f} MB; the limit is {max_bytes / 1e6:,.0f} MB (RAGKIT_MAX_FILE_MB)."
            )
        return item.path.read_bytes()
    except OSError as error:
        raise ParseFailed(f"{item.name!r} cannot be read: {error.strerror}.") from error


def _chunk(origin: str, ordinal: int, piece: Piece, text: str) -> Chunk:
    digest = hashlib.sha256(f"{origin} {ordinal}".encode()).hexdigest()
    return Chunk(
        chunk_id="chk_" + digest[:24],
        start=piece.start,
        end=piece.end,
        page=piece.page,
        heading=piece.heading,
        text=text[piece.start : piece.end],
    )
