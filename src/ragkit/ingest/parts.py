"""What the write path is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from ragkit.errors import Conflict
from ragkit.index.catalog import Catalog
from ragkit.index.erasure import Eraser
from ragkit.index.generations import Collections, Generation
from ragkit.index.ledger import Ledger
from ragkit.index.rebuilding import Generations
from ragkit.index.retention import Retained
from ragkit.index.snapshots import Snapshots
from ragkit.index.token_signs import TokenSigns
from ragkit.index.versions import Versions
from ragkit.ingest.chunking import StructureChunker
from ragkit.ingest.indexing import IndexWriter
from ragkit.ingest.isolation import ParserPool
from ragkit.protocols import Chunker, Embedder, KeywordEntry, KeywordIndex, VectorStore
from ragkit.store.embeddings import VectorCache
from ragkit.store.engine import Database
from ragkit.store.files import Files

__all__ = ["IngestParts", "RebuildableKeywords", "RebuildableVectors"]


class RebuildableVectors(VectorStore, Protocol):
    """Vectors that can be made again from the catalog."""

    def rebuild(self) -> None: ...

    def ids(self) -> set[str]: ...

    def drop(self) -> None: ...


class RebuildableKeywords(KeywordIndex, Protocol):
    """A keyword index that can be made again from the catalog."""

    def rebuild(self, entries: Iterable[KeywordEntry]) -> None: ...

    def ids(self) -> set[str]: ...

    def drop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestParts:
    """Everything that brings documents in, and takes them out."""

    database: Database
    collections: Collections
    generations: Generations
    catalog: Catalog
    ledger: Ledger
    versions: Versions
    retained: Retained
    snapshots: Snapshots
    eraser: Eraser
    cache: VectorCache
    files: Files
    embedder: Embedder
    stores: Callable[[Generation], tuple[RebuildableVectors, RebuildableKeywords]]
    parsers: ParserPool
    max_bytes: int
    """Larger files are refused."""
    max_depth: int = 3
    """Containers inside each other."""
    languages: frozenset[str] = frozenset()
    """What the embedder was trained on, as ISO 639-1; empty where nobody knows."""
    retention: timedelta = timedelta(days=30)
    """How long a version is kept after it stopped answering."""
    signs: TokenSigns | None = None
    """Where what the built-in reranker compares is kept; none: it is made when a question needs it."""
    turn: Callable[[Generation], AbstractContextManager[None]] = lambda generation: nullcontext()
    """Held while a batch is written and made live, and while indexes are made again: a rebuild in between would lose
    what is in the indexes and not live yet."""
    embedder_of: Callable[[Generation], Embedder] | None = None
    """Opens the embedder that a generation was given; none: there is only the one above."""

    def embedder_for(self, generation: Generation) -> Embedder:
        """What embeds the texts of a generation.

        Raises:
            Conflict: Its model is not the one that the generation was built with.
        """
        found = self.embedder if self.embedder_of is None else self.embedder_of(generation)
        if found.spec != generation.spec:
            raise Conflict(
                f"Generation {generation.number} of {generation.collection!r} was built with {generation.spec.id!r}, "
                f"not with {found.spec.id!r}.",
                hint="Install the model that it was built with, or reindex the collection.",
            )
        return found

    def chunker_for(self, generation: Generation, chunker: Chunker) -> Chunker:
        """What cuts the documents of a generation: as a reindex asked for it, else as given."""
        return (
            chunker if generation.chunking is None else self.chunker(self.embedder_for(generation), generation.chunking)
        )

    def chunker(self, embedder: Embedder, chunking: Mapping[str, Any]) -> Chunker:
        """Cuts by a chunk profile, in the tokens of an embedder."""
        return StructureChunker(embedder.tokenizer, max_tokens=chunking["tokens"], overlap=chunking["overlap"])

    def writer(self, generation: Generation, **hooks: Any) -> IndexWriter:
        """What puts documents into a generation.

        Args:
            generation: The one that answers.
            hooks: `on_live` and `admit` of the writer.
        """
        vectors, keywords = self.stores(generation)
        return IndexWriter(
            generation=generation,
            ledger=self.ledger,
            versions=self.versions,
            cache=self.cache,
            embedder=self.embedder_for(generation),
            signs=self.signs,
            vectors=vectors,
            keywords=keywords,
            turn=partial(self.turn, generation),
            **hooks,
        )

    @classmethod
    def over(cls, database: Database, **parts: object) -> IngestParts:
        """The parts, with those that are made of the catalog database alone."""
        return cls(
            database=database,
            collections=Collections(database),
            generations=Generations(database),
            catalog=Catalog(database),
            ledger=Ledger(database),
            versions=Versions(database),
            retained=Retained(database),
            snapshots=Snapshots(database),
            eraser=Eraser(database),
            cache=VectorCache(database),
            **parts,  # type: ignore[arg-type]  # the dataclass checks the names
        )
