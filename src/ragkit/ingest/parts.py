"""What the write path is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ragkit.index.catalog import Catalog
from ragkit.index.erasure import Eraser
from ragkit.index.generations import Collections, Generation
from ragkit.index.ledger import Ledger
from ragkit.index.retention import Retained
from ragkit.index.snapshots import Snapshots
from ragkit.index.versions import Versions
from ragkit.ingest.isolation import ParserPool
from ragkit.protocols import Embedder, KeywordEntry, KeywordIndex, VectorStore
from ragkit.store.embeddings import VectorCache
from ragkit.store.engine import Database
from ragkit.store.files import FileStore

__all__ = ["IngestParts", "RebuildableKeywords", "RebuildableVectors"]


class RebuildableVectors(VectorStore, Protocol):
    """Vectors that can be made again from the catalog."""

    def rebuild(self) -> None: ...


class RebuildableKeywords(KeywordIndex, Protocol):
    """A keyword index that can be made again from the catalog."""

    def rebuild(self, entries: Iterable[KeywordEntry]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestParts:
    """Everything that brings documents in, and takes them out."""

    database: Database
    collections: Collections
    catalog: Catalog
    ledger: Ledger
    versions: Versions
    retained: Retained
    snapshots: Snapshots
    eraser: Eraser
    cache: VectorCache
    files: FileStore
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

    @classmethod
    def over(cls, database: Database, **parts: object) -> IngestParts:
        """The parts, with those that are made of the catalog database alone."""
        return cls(
            database=database,
            collections=Collections(database),
            catalog=Catalog(database),
            ledger=Ledger(database),
            versions=Versions(database),
            retained=Retained(database),
            snapshots=Snapshots(database),
            eraser=Eraser(database),
            cache=VectorCache(database),
            **parts,  # type: ignore[arg-type]  # the dataclass checks the names
        )
