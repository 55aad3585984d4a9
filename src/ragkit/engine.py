"""The engine: everything ragkit does, as asynchronous methods over parts that `ragkit.app` has put together.

Database and processor work goes through a bounded number of threads, never on the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from ragkit.answer.pipeline import last_answer
from ragkit.errors import InputError, RagkitError
from ragkit.evaluation import AsyncEvaluation
from ragkit.events import Event
from ragkit.ingest.named import pipeline_named
from ragkit.ingest.origins import open_origin
from ragkit.ingest.scratch import scratch_folder
from ragkit.ingest.sources import Item, Origin, discover, roots_of
from ragkit.resources import AsyncCollections, AsyncDocuments, AsyncJobs, AsyncPrompts, AsyncSnapshots
from ragkit.threads import Once, Threads
from ragkit.types import Answer, Filters, IngestReport, JobProgress, Mode, SearchResult, VerifyReport

if TYPE_CHECKING:
    from anyio import CapacityLimiter

    from ragkit.answer.pipeline import Answerer, Search
    from ragkit.evaluate.runs import Evaluations
    from ragkit.index.catalog import Catalog
    from ragkit.index.generations import Collections
    from ragkit.index.snapshots import Snapshots
    from ragkit.ingest.changes import Profile
    from ragkit.ingest.pipeline import Ingestor
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.report import Progress, RunOptions
    from ragkit.jobs.control import JobControl
    from ragkit.jobs.ledger import JobLedger, Work
    from ragkit.jobs.progress import OnProgress
    from ragkit.prompts.registry import PromptRegistry
    from ragkit.retrieve.pipeline import Retriever
    from ragkit.settings import Settings
    from ragkit.store.files import FileStore

__all__ = ["AsyncRagkit", "Parts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the engine is made of; what is costly to open is opened by the first call that needs it."""

    settings: Settings
    collections: Collections
    catalog: Catalog
    snapshots: Snapshots
    evaluations: Evaluations
    prompts: PromptRegistry
    jobs: JobLedger
    control: JobControl
    any_worker: Callable[[], bool]
    """Whether jobs are taken up."""
    files: FileStore
    retriever: Retriever
    ingestor: Callable[[], Ingestor]
    profile: Callable[[Pipeline], Profile]
    """How the files of a pipeline are processed."""
    answerer: Callable[[Search, CapacityLimiter], Answerer]
    verify: Callable[[bool], VerifyReport]
    drop: Callable[[str], int]
    """Removes a collection with what is derived from it; returns how many documents it had."""
    probes: dict[str, Callable[[], object]]
    """One call a part, which raises when the part does not work."""
    close: Callable[[], None]


class AsyncRagkit:
    """The local engine; `ragkit.Ragkit` is the same with blocking methods.

    Attributes:
        documents: What was ingested.
        collections: Sets of documents that are searched together.
        prompts: Versions of prompts and the aliases that point at them.
        jobs: Uploads and runs of pipelines, on their way.
        snapshots: What collections answered from earlier, to compare and to go back to.
        evaluate: Measurements by questions with known answers.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._threads = Threads(parts.settings.threads)
        self._answerer = Once(lambda: parts.answerer(self.search, self._threads.limiter))
        self.documents = AsyncDocuments(parts, self._threads)
        self.collections = AsyncCollections(parts, self._threads)
        self.prompts = AsyncPrompts(parts, self._threads)
        self.jobs = AsyncJobs(parts, self._threads)
        self.snapshots = AsyncSnapshots(parts, self._threads)
        self.evaluate = AsyncEvaluation(parts, self._threads, self.ask)

    async def ask(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
    ) -> Answer:
        """Answer a question from the documents, with checked citations.

        Args:
            question: In any words.
            collection: Where to look; `RAGKIT_COLLECTION` when it is not given.
            conversation_id: From an earlier answer, to ask a follow-up question.
            prompt: `NAME`, `NAME@ALIAS` or `NAME@VERSION`; `answer@production` when it is not given.
            filters: Which documents may be used.

        Raises:
            NotFound: There is no such collection, conversation or prompt.
            InputError: The question is empty or too long.
            UpstreamError: The model's provider failed.
        """
        return await last_answer(
            self.stream(
                question, collection=collection, conversation_id=conversation_id, prompt=prompt, filters=filters
            )
        )

    async def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
    ) -> AsyncIterator[Event]:
        """The same answer as it is written; the last event is `Done`. Closing the iterator cancels the model."""
        answerer = await self._threads.run(self._answerer)
        events = answerer.stream(
            question,
            collection=self._collection(collection),
            conversation_id=conversation_id,
            prompt=prompt,
            filters=filters,
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def search(
        self,
        query: str,
        *,
        collection: str | None = None,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
    ) -> SearchResult:
        """The best passages for a question, best first.

        Raises:
            NotFound: There is no such collection.
            InputError: The query is empty, or `k` or `mode` cannot be used.
        """
        return await self._threads.run(
            self._parts.retriever.search,
            query,
            collection=self._collection(collection),
            k=k,
            mode=mode,
            filters=filters,
        )

    async def ingest(self, *paths: str | Path, collection: str | None = None) -> IngestReport:
        """Ingest files, folders and globs; unchanged files cost only their hash.

        Raises:
            InputError: A path does not exist, or there is nothing in it.
        """
        return await self.ingest_roots(roots_of([str(path) for path in paths]), collection=collection)

    async def ingest_roots(self, roots: Sequence[Origin], **options: Unpack[RunOptions]) -> IngestReport:
        """Ingest what is below some roots.

        Args:
            roots: Files and folders, with the uris of what is below them.
            options: `RunOptions` says which there are.

        Raises:
            InputError: A root is missing, or there is nothing below them.
            Conflict: Too much is gone to be pruned.
        """

        def run(*, collection: str | None = None, **rest: Any) -> IngestReport:
            items = discover(roots)
            if not items:
                where = ", ".join(repr(root.prefix) for root in roots)
                raise InputError(f"There is nothing to ingest in {where}.", hint="Name a folder with documents in it.")
            prefixes = [root.prefix for root in roots]
            return self._parts.ingestor().run(self._collection(collection), items, roots=prefixes, **rest)

        return await self._threads.run(partial(run, **options))

    async def ingest_pipeline(self, pipeline: Pipeline, **options: Unpack[RunOptions]) -> IngestReport:
        """Ingest the source of a pipeline as its file says; finding nothing is fine, as in an inbox.

        Args:
            pipeline: From `ragkit.ingest.pipelines.load_pipelines`.
            options: As for `ingest_roots`; they go before what the file says.
        """
        return await self._threads.run(partial(self.run_pipeline, pipeline, **options))

    def run_pipeline(
        self,
        pipeline: Pipeline,
        *,
        collection: str | None = None,
        prune: bool = False,
        only: Collection[str] = (),
        **rest: Any,
    ) -> IngestReport:
        """`ingest_pipeline` for the worker, which calls it from a thread; on request for some uris only."""
        parts = self._parts
        home, max_bytes = parts.settings.home.resolve(), parts.settings.max_file_mb * 1_000_000
        with scratch_folder(home) as scratch:
            origin = open_origin(pipeline, scratch=scratch, home=home, max_bytes=max_bytes)
            # From a part of what there is nobody can tell what has gone.
            return parts.ingestor().run(
                collection or pipeline.collection,
                [item for item in discover([origin]) if not only or item.uri in only],
                roots=() if only else (origin.prefix,),
                prune=(prune or pipeline.prune) and not only,
                profile=parts.profile(pipeline),
                **rest,
            )

    def run_job(self, work: Work, on_progress: OnProgress) -> IngestReport:
        """Do the work of a job; the worker calls it, from a thread."""
        parts = self._parts
        job = parts.jobs.get(work.job_id)

        def tell(p: Progress) -> None:
            counts = {name: getattr(p, name) for name in JobProgress.__dataclass_fields__}
            on_progress(JobProgress(**counts))

        if job.kind == "ingest":
            path = parts.files.path(work.file_sha256)
            item = Item(uri=job.uri, path=path, name=job.uri.removeprefix("upload://"))
            return parts.ingestor().run(job.collection, [item], on_progress=tell)
        pipeline = pipeline_named(parts.settings.pipelines, job.uri.removesuffix("/"))
        return self.run_pipeline(pipeline, only=work.only, on_progress=tell)

    @property
    def ledger(self) -> JobLedger:
        """Where the worker takes jobs from."""
        return self._parts.jobs

    async def verify(self, *, repair: bool = False) -> VerifyReport:
        """Compare catalog, vectors and keywords, and mend what differs on request."""
        return await self._threads.run(self._parts.verify, repair)

    async def ready(self) -> dict[str, str]:
        """Whether each part works: `ok`, or what is wrong with it."""
        probes: dict[str, Callable[[], object]] = {**self._parts.probes, "model": self._answerer}
        return {name: await self._threads.run(_probe, probe) for name, probe in probes.items()}

    async def aclose(self) -> None:
        """Let go of databases, models and servers."""
        await self._threads.run(self._parts.close)

    async def __aenter__(self) -> AsyncRagkit:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _collection(self, name: str | None) -> str:
        return name or self._parts.settings.collection


def _probe(probe: Callable[[], object]) -> str:
    try:
        probe()
    except RagkitError as error:
        return error.detail
    return "ok"
