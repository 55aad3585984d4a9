"""The composition root: the only place where settings become parts, and parts become an engine.

Nothing costly is imported or opened before it is needed: a search opens neither Chroma nor a parser, and no command but
a first conversion imports torch.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from ragkit.blocking import Ragkit
from ragkit.engine import AsyncRagkit
from ragkit.errors import MissingExtra, UpstreamError
from ragkit.models.embed import is_network
from ragkit.parts import Parts
from ragkit.settings import Settings, load
from ragkit.store.unfinished import Unfinished
from ragkit.threads import Once
from ragkit.types import VerifyReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragkit.index.following import FollowingKeywords
    from ragkit.index.generations import Generation
    from ragkit.index.keywords import TantivyIndex
    from ragkit.index.vectors import ChromaConnection, ChromaVectors
    from ragkit.ingest.changes import Profile
    from ragkit.ingest.isolation import ParserPool
    from ragkit.ingest.pipeline import Ingestor
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.protocols import Chunker, Matrix
    from ragkit.retrieve.pipeline import Retriever

__all__ = ["AsyncRagkit", "Ragkit", "build"]


def build(settings: Settings | None = None, *, one_shot: bool = False) -> AsyncRagkit:
    """Put an engine together.

    Args:
        settings: By default those of the environment.
        one_shot: Whether the process ends after one question; it then searches stored vectors and starts no Chroma.

    Raises:
        ConfigError: A setting cannot be used.
        StorageError: The catalog database cannot be used.
        MissingExtra: Only the SDK is installed.
    """
    try:
        root = _Root(settings or load(), one_shot=one_shot)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"The local engine needs the package {error.name!r}.", hint="pip install 'ragkit[server,ingest,local]'"
        ) from error
    return AsyncRagkit(root.parts())


class _Root:
    """Opens each part at its first use, once."""

    def __init__(self, settings: Settings, *, one_shot: bool) -> None:
        from ragkit.answerers import Answerers
        from ragkit.embedders import Embedders
        from ragkit.evaluate.runs import Evaluations
        from ragkit.index.catalog import Catalog
        from ragkit.index.generations import Collections
        from ragkit.index.rebuilding import Generations
        from ragkit.index.snapshots import Snapshots
        from ragkit.index.turns import turn
        from ragkit.jobs.control import JobControl
        from ragkit.jobs.ledger import JobLedger
        from ragkit.keys.quotas import Quotas
        from ragkit.keys.registry import KeyRegistry
        from ragkit.prompts.registry import PromptRegistry
        from ragkit.rerankers import Rerankers
        from ragkit.store.embeddings import VectorCache
        from ragkit.store.engine import Database
        from ragkit.store.files import open_files

        logging.getLogger("ragkit").setLevel(settings.log_level.upper())
        self.settings, self.one_shot, self.home = settings, one_shot, settings.home.resolve()
        self.database = Database.open(settings.database_url or f"sqlite:///{self.home / 'ragkit.db'}")
        self.catalog = Catalog(self.database)
        self.collections = Collections(self.database)
        self.generations, self.snapshots = Generations(self.database), Snapshots(self.database)
        self.evaluations = Evaluations(self.database)
        self.cache = VectorCache(self.database)
        self.prompts = PromptRegistry(self.database)
        self.jobs = JobLedger(self.database)
        self.control = JobControl(self.database, self.jobs)
        self.keys, self.quotas = KeyRegistry(self.database), Quotas(self.database)
        self.files = open_files(settings.files_url, home=self.home)
        self.embedders = Embedders(settings, home=self.home, cache=self.cache)
        self.embedder = self.embedders.default
        self.answerers = Answerers(
            settings, self.database, collections=self.collections, prompts=self.prompts, embedder=self.embedder
        )
        self.rerankers = Rerankers(settings, self.database, self.embedders.of)
        self.chroma = Once(self._chroma)
        self.turn = partial(turn, self.home)
        self.parsers = Once(self._parsers)
        self.ingestor = Once(self._ingestor)
        self._keywords: dict[str, TantivyIndex] = {}
        self._vectors: dict[str, ChromaVectors] = {}
        self.retriever = self._retriever()

    def parts(self) -> Parts:
        return Parts(
            settings=self.settings,
            collections=self.collections,
            catalog=self.catalog,
            snapshots=self.snapshots,
            evaluations=self.evaluations,
            prompts=self.prompts,
            conversations=self.answerers.conversations,
            records=self.answerers.records,
            feedback=self.answerers.feedback,
            numbered=self.generations.numbered,
            jobs=self.jobs,
            control=self.control,
            keys=self.keys,
            quotas=self.quotas,
            any_worker=self.any_worker,
            files=self.files,
            unfinished=Unfinished(self.home / "uploads"),
            retriever=self.retriever,
            ingestor=self.ingestor,
            embedder=self.embedders.named,
            profile=self.profile,
            answerer=self.answerers.open,
            checker=self.answerers.checker,
            verify=self.verify,
            drop=self.drop,
            probes={
                "catalog": self.collections.check,
                "vectors": lambda: self.chroma().check(),
                "search": self.searchable,
                "worker": self.worker,
            },
            close=self.close,
        )

    def any_worker(self) -> bool:
        from ragkit.jobs.worker import any_worker, worker_locks

        return any_worker(worker_locks(self.home, self.settings.database_url))

    def worker(self) -> None:
        """Raises when no worker is there to take up jobs."""
        if not self.any_worker():
            raise UpstreamError("No worker is running: uploads and pipelines wait.", hint="Start `ragkit worker`.")

    def searchable(self) -> None:
        """Raises when the default collection cannot be searched; a provider of vectors is not asked."""
        self.retriever.warm(
            self.settings.collection, mode="keyword" if is_network(self.settings.embedder) else "hybrid"
        )

    def vectors(self, generation: Generation) -> ChromaVectors:
        from ragkit.index.vectors import ChromaVectors

        def refill() -> Iterator[tuple[list[str], Matrix]]:
            return self.catalog.live_vectors(self.generations.now(generation))

        if generation.store not in self._vectors:
            self._vectors[generation.store] = ChromaVectors(
                self.chroma(),
                generation.store,
                generation.spec.dimension,
                refill,
                expected=lambda: self.catalog.count(self.generations.now(generation)),
            )
        return self._vectors[generation.store]

    def keywords(self, generation: Generation) -> FollowingKeywords:
        from ragkit.index.following import FollowingKeywords
        from ragkit.index.keywords import TantivyIndex

        store = generation.store
        if store not in self._keywords:
            self._keywords[store] = TantivyIndex(self.home / "keywords" / store)
        return FollowingKeywords(self._keywords[store], self.database, self.catalog, self.generations, generation)

    def verify(self, repair: bool) -> VerifyReport:
        from ragkit.index.verify import Verifier

        return Verifier(
            collections=self.collections,
            catalog=self.catalog,
            cache=self.cache,
            files=self.files,
            stores=self.stores,
            purge=lambda generation: self.ingestor().purge(generation),
            turn=self.turn,
        ).verify(repair=repair)

    def stores(self, generation: Generation) -> tuple[ChromaVectors, FollowingKeywords]:
        return self.vectors(generation), self.keywords(generation)

    def drop(self, name: str) -> int:
        from ragkit.index.ledger import Ledger

        generation = self.collections.get(name)
        everything = self.generations.all(generation.collection_id)
        documents = len(self.catalog.documents(collection=name))
        known = Ledger(self.database).known(generation).values()
        self.ingestor().delete(generation, [one.document_id for one in known])
        stores = [store for each in everything for store in self.stores(each)]
        self.collections.delete(name)
        for store in stores:
            store.drop()
        for each in everything:
            for opened in (self._vectors, self._keywords):
                opened.pop(each.store, None)
        return documents

    def close(self) -> None:
        self.parsers.close(lambda pool: pool.close())
        self.retriever.close()
        self.chroma.close(lambda connection: connection.close())
        self.embedders.close()
        self.database.close()

    def _chroma(self) -> ChromaConnection:
        from ragkit.index.vectors import connect

        return connect(self.home, self.settings.chroma_url)

    def _retriever(self) -> Retriever:
        from ragkit.retrieve.dense import DenseSearch
        from ragkit.retrieve.pipeline import Retriever

        return Retriever(
            collections=self.collections,
            catalog=self.catalog,
            dense=DenseSearch(
                embedder=self.embedders.of, catalog=self.catalog, vectors=None if self.one_shot else self.vectors
            ),
            keywords=self.keywords,
            reranker=self.rerankers.of,
        )

    def _parsers(self) -> ParserPool:
        from ragkit.ingest.isolation import ParserPool
        from ragkit.ingest.parsers.limits import Limits

        settings = self.settings
        return ParserPool(
            workers=settings.parse_workers,
            timeout_s=settings.parse_timeout_s,
            memory_mb=settings.parse_memory_mb,
            limits=Limits(
                max_pages=settings.max_pages,
                max_members=settings.max_members,
                max_expanded_mb=settings.max_expanded_mb,
                max_ratio=settings.max_ratio,
            ),
        )

    def _ingestor(self) -> Ingestor:
        from ragkit.ingest.changes import Profile
        from ragkit.ingest.parts import IngestParts
        from ragkit.ingest.pipeline import Ingestor
        from ragkit.models.embed import trained_on

        settings = self.settings
        parts = IngestParts.over(
            self.database,
            files=self.files,
            embedder=self.embedders.keeping(self.embedder()),
            embedder_of=lambda generation: self.embedders.keeping(self.embedders.of(generation)),
            stores=self.stores,
            turn=self.turn,
            parsers=self.parsers(),
            max_bytes=settings.max_file_mb * 1_000_000,
            max_depth=settings.max_depth,
            languages=trained_on(settings.embedder, home=self.home),
            retention=timedelta(days=settings.retention_days),
            signs=self.rerankers.signs(),
        )
        return Ingestor(parts, Profile(chunker=self._chunker(settings.chunk_tokens, settings.chunk_overlap)))

    def profile(self, pipeline: Pipeline) -> Profile:
        from ragkit.ingest.changes import Profile

        tokens, overlap = pipeline.chunks.tokens, pipeline.chunks.overlap
        chunker = self._chunker(
            self.settings.chunk_tokens if tokens is None else tokens,
            self.settings.chunk_overlap if overlap is None else overlap,
        )
        return Profile(chunker=chunker, filters=pipeline.filters)

    def _chunker(self, tokens: int, overlap: int) -> Chunker:
        from ragkit.ingest.chunking import fitting

        return fitting(self.embedder(), tokens=tokens, overlap=overlap)
