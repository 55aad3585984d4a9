"""An ingestor over a real catalog, with stand-ins for the model, Chroma and tantivy, and a folder of documents."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections, Generation
from ragkit.index.rebuilding import Generations
from ragkit.index.snapshots import Snapshots
from ragkit.index.token_signs import TokenSigns
from ragkit.index.verify import Verifier
from ragkit.ingest.changes import Profile
from ragkit.ingest.chunking import StructureChunker
from ragkit.ingest.isolation import ParserPool
from ragkit.ingest.parts import IngestParts
from ragkit.ingest.pipeline import Ingestor
from ragkit.ingest.quality import QualityPolicy
from ragkit.ingest.report import Progress
from ragkit.ingest.sources import Root, discover
from ragkit.store.embeddings import VectorCache
from ragkit.store.engine import Database
from ragkit.store.files import FileStore
from ragkit.testing.embed import HashedEmbedder
from ragkit.testing.stores import MemoryKeywords, MemoryVectors
from ragkit.types import IngestReport, VerifyReport

__all__ = ["Desk"]


@dataclass
class Desk:
    """An ingestor with its stores, and a folder of documents."""

    home: Path
    folder: Path
    database: Database
    embedder: HashedEmbedder = field(default_factory=HashedEmbedder)
    keywords: MemoryKeywords = field(default_factory=MemoryKeywords)
    max_tokens: int = 60
    retention: timedelta = timedelta(days=30)
    languages: frozenset[str] = frozenset()
    signs: TokenSigns | None = None
    turn: Callable[[Generation], AbstractContextManager[None]] = lambda generation: nullcontext()
    parsers: ParserPool = field(default_factory=lambda: ParserPool(workers=1, timeout_s=60))

    def __post_init__(self) -> None:
        self.catalog = Catalog(self.database)
        self.collections = Collections(self.database)
        self.snapshots = Snapshots(self.database)
        self.later: dict[int, tuple[MemoryVectors, MemoryKeywords]] = {}
        self.models = {self.embedder.spec.id: self.embedder}
        self.vectors = MemoryVectors(lambda: self.catalog.live_vectors(Generations(self.database).all(1)[0]))

    def stores(self, generation: Generation) -> tuple[MemoryVectors, MemoryKeywords]:
        """Those of the first generation, and others for each that a reindex makes."""
        if generation.number == 1:
            return self.vectors, self.keywords
        vectors = MemoryVectors(lambda: self.catalog.live_vectors(Generations(self.database).now(generation)))
        return self.later.setdefault(generation.number, (vectors, MemoryKeywords()))

    def ingestor(self, filters: QualityPolicy | None = None) -> Ingestor:
        parts = IngestParts.over(
            self.database,
            files=FileStore(self.home / "files"),
            embedder=self.embedder,
            stores=self.stores,
            parsers=self.parsers,
            max_bytes=100_000,
            languages=self.languages,
            embedder_of=lambda generation: self.models.get(generation.spec.id, self.embedder),
            retention=self.retention,
            signs=self.signs,
            turn=self.turn,
        )
        chunker = StructureChunker(self.embedder.tokenizer, max_tokens=self.max_tokens)
        return Ingestor(parts, Profile(chunker=chunker, filters=filters or QualityPolicy(min_characters=1)))

    def write(self, name: str, text: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def run(
        self,
        *,
        prune: bool = False,
        force: bool = False,
        dry_run: bool = False,
        filters: QualityPolicy | None = None,
        access: tuple[str, ...] = (),
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> IngestReport:
        items = discover([Root(path=self.folder, prefix="s/", access=access)])
        return self.ingestor(filters).run(
            "c", items, roots=["s/"], prune=prune, force=force, dry_run=dry_run, on_progress=on_progress
        )

    def texts(self) -> dict[str, str]:
        """The live text of each document by uri."""
        return {d.uri: self.catalog.view(d.id).text for d in self.catalog.documents(collection="c")}

    def verify(self) -> VerifyReport:
        return Verifier(
            collections=self.collections,
            catalog=self.catalog,
            cache=VectorCache(self.database),
            files=FileStore(self.home / "files"),
            purge=self.ingestor().purge,
            stores=self.stores,  # type: ignore[arg-type]  # nothing is repaired here
        ).verify(repair=False)
