"""`Ragkit`: the engine with blocking methods, for scripts, notebooks and the command line."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar, Unpack

from anyio.from_thread import start_blocking_portal

from ragkit.blocking_resources import (
    Answers,
    Collections,
    Conversations,
    Documents,
    Evaluations,
    Jobs,
    Keys,
    Prompts,
    Snapshots,
)
from ragkit.events import Event
from ragkit.explanation import Explanation
from ragkit.feedback import Feedbacks
from ragkit.history import Reindexed
from ragkit.types import (
    Answer,
    Filters,
    IngestReport,
    Message,
    Mode,
    SearchResult,
    VerifyReport,
)

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.report import RunOptions
    from ragkit.ingest.sources import Origin
    from ragkit.runs import ReindexOptions
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
        conversations: What was said, in order.
        answers: Records of answers, to look at, to compare and to replay.
        feedback: What people said of them.
        jobs: Uploads and runs of pipelines, on their way.
        snapshots: What collections answered from earlier, to compare and to go back to.
        keys: Who may call a service over this engine, and how much they may use.
        evaluate: Measurements by questions with known answers.
    """

    def __init__(self, kit: AsyncRagkit) -> None:
        self._running = start_blocking_portal()
        self._portal = self._running.__enter__()
        self._take(kit)

    def _take(self, kit: AsyncRagkit) -> None:
        self._kit = kit
        self.documents = Documents(kit, self._portal)
        self.collections = Collections(kit, self._portal)
        self.prompts = Prompts(kit, self._portal)
        self.conversations = Conversations(kit, self._portal)
        self.answers = Answers(kit, self._portal)
        self.feedback = Feedbacks(kit, self._portal)
        self.jobs = Jobs(kit, self._portal)
        self.snapshots = Snapshots(kit, self._portal)
        self.keys = Keys(kit, self._portal)
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

    def seen_by(
        self, access: Sequence[str] | None, *, caller: str | None = None, collections: Sequence[str] | None = None
    ) -> Ragkit:
        """See `AsyncRagkit.seen_by`; closing the engine ends this view of it, too."""
        mine = copy(self)
        mine._take(self._kit.seen_by(access, caller=caller, collections=collections))
        return mine

    def ask(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        mmr: float | None = None,
        history: Sequence[Message] = (),
    ) -> Answer:
        """See `AsyncRagkit.ask`."""
        ask = partial(self._kit.ask, conversation_id=conversation_id, prompt=prompt, filters=filters, mmr=mmr)
        return self._portal.call(partial(ask, question, collection=collection, history=history))

    def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        mmr: float | None = None,
        history: Sequence[Message] = (),
    ) -> Iterator[Event]:
        """See `AsyncRagkit.stream`."""
        events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                async for event in self._kit.stream(
                    question,
                    collection=collection,
                    conversation_id=conversation_id,
                    prompt=prompt,
                    filters=filters,
                    mmr=mmr,
                    history=history,
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
        mmr: float | None = None,
    ) -> SearchResult:
        """See `AsyncRagkit.search`."""
        # Here and now: by way of the event loop it would change threads four times.
        kit = self._kit
        search = partial(kit._parts.retriever.search, query, collection=kit._within.named(collection), k=k, mode=mode)
        return search(filters=filters, access=kit._access, mmr=mmr)

    def explain(
        self,
        query: str,
        *,
        collection: str | None = None,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filters | None = None,
        access: Sequence[str] | None = None,
        mmr: float | None = None,
    ) -> Explanation:
        """See `AsyncRagkit.explain`."""
        explain = partial(self._kit.explain, query, collection=collection, k=k, mode=mode)
        return self._portal.call(partial(explain, filters=filters, access=access, mmr=mmr))

    def ingest(self, *paths: str | Path, collection: str | None = None) -> IngestReport:
        """See `AsyncRagkit.ingest`."""
        return self._portal.call(partial(self._kit.ingest, *paths, collection=collection))

    def ingest_roots(self, roots: Sequence[Origin], **options: Unpack[RunOptions]) -> IngestReport:
        """See `AsyncRagkit.ingest_roots`."""
        return self._portal.call(partial(self._kit.ingest_roots, roots, **options))

    def ingest_pipeline(self, pipeline: Pipeline, **options: Unpack[RunOptions]) -> IngestReport:
        """See `AsyncRagkit.ingest_pipeline`."""
        return self._portal.call(partial(self._kit.ingest_pipeline, pipeline, **options))

    def reindex(self, collection: str | None = None, **how: Unpack[ReindexOptions]) -> Reindexed:
        """See `AsyncRagkit.reindex`."""
        return self._portal.call(partial(self._kit.reindex, collection, **how))

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
