"""`Ragkit`: the engine with blocking methods, for scripts, notebooks and the command line."""

from __future__ import annotations

import queue
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from anyio.from_thread import BlockingPortal, start_blocking_portal

from ragkit.events import Event
from ragkit.history import Rollback, Snapshot, SnapshotDiff, SnapshotEntry
from ragkit.types import (
    Answer,
    Collection,
    Document,
    DocumentState,
    DocumentView,
    Filters,
    IngestReport,
    Job,
    Mode,
    PromptVersion,
    Receipt,
    SearchResult,
    VerifyReport,
)

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit
    from ragkit.evaluate.compare import Comparison
    from ragkit.evaluate.runs import Evaluation, PerQuestion
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.report import RunOptions
    from ragkit.ingest.sources import Origin
    from ragkit.measuring import ChunkingOptions, RetrievalOptions
    from ragkit.settings import Settings

__all__ = ["Ragkit"]

T = TypeVar("T")


class Ragkit:
    """The local engine.

    >>> kit = Ragkit.open()  # doctest: +SKIP
    >>> kit.ingest("handbook.pdf")  # doctest: +SKIP
    >>> print(kit.ask("How many days of leave do I have?").answer)  # doctest: +SKIP

    Attributes:
        documents: What was ingested.
        collections: Sets of documents that are searched together.
        prompts: Versions of prompts and the aliases that point at them.
        jobs: Uploads and runs of pipelines, on their way.
        snapshots: What collections answered from earlier, to compare and to go back to.
        evaluate: Measurements by questions with known answers.
    """

    def __init__(self, kit: AsyncRagkit) -> None:
        self._kit = kit
        self._running = start_blocking_portal()
        self._portal = self._running.__enter__()
        self.documents = Documents(kit, self._portal)
        self.collections = Collections(kit, self._portal)
        self.prompts = Prompts(kit, self._portal)
        self.jobs = Jobs(kit, self._portal)
        self.snapshots = Snapshots(kit, self._portal)
        self.evaluate = Evaluations(kit, self._portal)

    @classmethod
    def open(cls, settings: Settings | None = None) -> Ragkit:
        """Open the engine that the settings describe, by default those of the environment.

        Raises:
            ConfigError: A setting cannot be used.
            StorageError: The state under `RAGKIT_HOME` cannot be used.
        """
        from ragkit.app import build

        return cls(build(settings))

    def ask(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
    ) -> Answer:
        """See `AsyncRagkit.ask`."""
        ask = partial(self._kit.ask, conversation_id=conversation_id, prompt=prompt, filters=filters)
        return self._portal.call(partial(ask, question, collection=collection))

    def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
    ) -> Iterator[Event]:
        """See `AsyncRagkit.stream`."""
        events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                async for event in self._kit.stream(
                    question, collection=collection, conversation_id=conversation_id, prompt=prompt, filters=filters
                ):
                    events.put(event)
                events.put(None)
            except BaseException as error:
                events.put(error)
                raise

        pumping = self._portal.start_task_soon(pump)
        try:
            while (event := events.get()) is not None:
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            pumping.cancel()

    def search(
        self,
        query: str,
        *,
        collection: str | None = None,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
    ) -> SearchResult:
        """See `AsyncRagkit.search`."""
        search = partial(self._kit.search, query, collection=collection, k=k, mode=mode, filters=filters)
        return self._portal.call(search)

    def ingest(self, *paths: str | Path, collection: str | None = None) -> IngestReport:
        """See `AsyncRagkit.ingest`."""
        return self._portal.call(partial(self._kit.ingest, *paths, collection=collection))

    def ingest_roots(self, roots: Sequence[Origin], **options: Unpack[RunOptions]) -> IngestReport:
        """See `AsyncRagkit.ingest_roots`."""
        return self._portal.call(partial(self._kit.ingest_roots, roots, **options))

    def ingest_pipeline(self, pipeline: Pipeline, **options: Unpack[RunOptions]) -> IngestReport:
        """See `AsyncRagkit.ingest_pipeline`."""
        return self._portal.call(partial(self._kit.ingest_pipeline, pipeline, **options))

    def verify(self, *, repair: bool = False) -> VerifyReport:
        """See `AsyncRagkit.verify`."""
        return self._portal.call(partial(self._kit.verify, repair=repair))

    def close(self) -> None:
        """Let go of databases, models and servers."""
        self._portal.call(self._kit.aclose)
        self._running.__exit__(None, None, None)

    def __enter__(self) -> Ragkit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Resource:
    def __init__(self, kit: AsyncRagkit, portal: BlockingPortal) -> None:
        self._kit = kit
        self._portal = portal

    def _call(self, method: Callable[..., Coroutine[Any, Any, T]], *args: object, **kwargs: object) -> T:
        result: T = self._portal.call(partial(method, *args, **kwargs))
        return result


class Documents(_Resource):
    """See `AsyncDocuments`."""

    def list(self, *, collection: str | None = None, state: DocumentState | None = None) -> tuple[Document, ...]:
        return self._call(self._kit.documents.list, collection=collection, state=state)

    def get(self, document_id: str, *, chunks: bool = False) -> DocumentView:
        return self._call(self._kit.documents.get, document_id, chunks=chunks)

    def delete(self, document_id: str) -> Receipt:
        return self._call(self._kit.documents.delete, document_id)

    def release(self, document_id: str) -> IngestReport:
        return self._call(self._kit.documents.release, document_id)

    def upload(self, name: str, data: bytes, *, collection: str | None = None) -> Job:
        return self._call(self._kit.documents.upload, name, data, collection=collection)


class Collections(_Resource):
    """See `AsyncCollections`."""

    def list(self) -> tuple[Collection, ...]:
        return self._call(self._kit.collections.list)

    def delete(self, name: str) -> int:
        return self._call(self._kit.collections.delete, name)


class Prompts(_Resource):
    """See `AsyncPrompts`."""

    def list(self) -> tuple[PromptVersion, ...]:
        return self._call(self._kit.prompts.list)

    def show(self, name: str, *, alias: str | None = None, version: int | None = None) -> PromptVersion:
        return self._call(self._kit.prompts.show, name, alias=alias, version=version)

    def create(self, name: str, template: str, *, note: str = "") -> PromptVersion:
        return self._call(self._kit.prompts.create, name, template, note=note)

    def promote(self, name: str, version: int, *, alias: str = "production") -> PromptVersion:
        return self._call(self._kit.prompts.promote, name, version, alias=alias)

    def rollback(self, name: str, *, alias: str = "production") -> PromptVersion:
        return self._call(self._kit.prompts.rollback, name, alias=alias)

    def diff(self, name: str, a: int, b: int) -> str:
        return self._call(self._kit.prompts.diff, name, a, b)


class Jobs(_Resource):
    """See `AsyncJobs`."""

    def list(self) -> tuple[Job, ...]:
        return self._call(self._kit.jobs.list)

    def get(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.get, job_id)

    def start(self, pipeline: str) -> Job:
        return self._call(self._kit.jobs.start, pipeline)

    def pause(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.pause, job_id)

    def resume(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.resume, job_id)

    def cancel(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.cancel, job_id)

    def retry(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.retry, job_id)


class Snapshots(_Resource):
    """See `AsyncSnapshots`."""

    def list(self, collection: str | None = None) -> tuple[Snapshot, ...]:
        return self._call(self._kit.snapshots.list, collection)

    def show(self, number: int, *, collection: str | None = None) -> tuple[SnapshotEntry, ...]:
        return self._call(self._kit.snapshots.show, number, collection=collection)

    def diff(self, a: int, b: int, *, collection: str | None = None) -> SnapshotDiff:
        return self._call(self._kit.snapshots.diff, a, b, collection=collection)

    def rollback(self, number: int, *, collection: str | None = None) -> Rollback:
        return self._call(self._kit.snapshots.rollback, number, collection=collection)


class Evaluations(_Resource):
    """See `AsyncEvaluation`."""

    def retrieval(self, folder: str | Path, **options: Unpack[RetrievalOptions]) -> Evaluation:
        return self._call(self._kit.evaluate.retrieval, folder, **options)

    def chunking(self, folder: str | Path, **options: Unpack[ChunkingOptions]) -> Evaluation:
        return self._call(self._kit.evaluate.chunking, folder, **options)

    def golden(
        self, file: str | Path, *, collection: str | None = None, corpus: str | Path | None = None
    ) -> Evaluation:
        return self._call(self._kit.evaluate.golden, file, collection=collection, corpus=corpus)

    def list(self) -> tuple[Evaluation, ...]:
        return self._call(self._kit.evaluate.list)

    def show(self, evaluation_id: str) -> Evaluation:
        return self._call(self._kit.evaluate.show, evaluation_id)

    def per_question(self, evaluation_id: str) -> PerQuestion:
        return self._call(self._kit.evaluate.per_question, evaluation_id)

    def compare(self, evaluation_id: str, *, against: str = "last") -> Comparison:
        return self._call(self._kit.evaluate.compare, evaluation_id, against=against)
