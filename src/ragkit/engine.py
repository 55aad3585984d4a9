"""The engine: everything ragkit does, as asynchronous methods over parts that `ragkit.app` has put together.

Database and processor work goes through a bounded number of threads, never on the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from ragkit.answer.pipeline import last_answer
from ragkit.answering import AsyncAnswers, AsyncConversations
from ragkit.callers import Caller, OperatorsOnly, operators_only
from ragkit.errors import InputError, RagkitError
from ragkit.events import Event
from ragkit.explanation import Explanation
from ragkit.history import Reindexed
from ragkit.ingest.sources import Origin, discover, roots_of
from ragkit.resources import AsyncCollections, AsyncDocuments, AsyncJobs, AsyncPrompts, AsyncSnapshots
from ragkit.runs import run_job, run_pipeline, run_reindex
from ragkit.threads import Once, Threads
from ragkit.types import Answer, Filters, IngestReport, Mode, SearchResult, VerifyReport

if TYPE_CHECKING:
    from ragkit.evaluation import AsyncEvaluation
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.report import RunOptions
    from ragkit.jobs.ledger import JobLedger, Work
    from ragkit.jobs.progress import OnProgress
    from ragkit.parts import Parts
    from ragkit.runs import ReindexOptions

__all__ = ["AsyncRagkit"]


class AsyncRagkit:
    """The local engine; `ragkit.Ragkit` is the same with blocking methods.

    Attributes:
        documents: What was ingested.
        collections: Sets of documents that are searched together.
        prompts: Versions of prompts and the aliases that point at them.
        conversations: What was said, in order; `answers`: the records of what was answered.
        jobs: Uploads and runs of pipelines, on their way.
        snapshots: What collections answered from earlier, to compare and to go back to.
        evaluate: Measurements by questions with known answers.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts, self._threads = parts, Threads(parts.settings.threads)
        self._answerer = Once(lambda: parts.answerer(self._search, self._threads))
        self._see(Caller())
        self.prompts = AsyncPrompts(parts, self._threads)
        self.jobs = AsyncJobs(parts, self._threads)
        self.snapshots = AsyncSnapshots(parts, self._threads)

    def _see(self, caller: Caller) -> None:
        parts, threads = self._parts, self._threads
        self._access, self._caller = caller.access, caller.name
        self.documents = AsyncDocuments(parts, threads, caller.access)
        self.collections = AsyncCollections(parts, threads, caller.access)
        self.conversations = AsyncConversations(parts, threads, self.ask, caller)
        self.answers = AsyncAnswers(parts, threads, caller)

    @cached_property
    def evaluate(self) -> AsyncEvaluation:
        from ragkit.evaluation import AsyncEvaluation  # a fifth of a second, and most processes measure nothing

        return AsyncEvaluation(self._parts, self._threads, self.ask)

    def seen_by(self, access: Sequence[str] | None, *, caller: str | None = None) -> AsyncRagkit:
        """This engine for a caller: conversations and answers are its own, and what access tags hide does not exist.

        Args:
            access: Tags; a document is seen by who carries one of its own, and untagged ones by all, unless
                `collections.configure` says otherwise. None: the caller is an operator.
            caller: Its name; callers without one share what they say with those who carry the same tags.
        """
        mine = copy(self)
        mine._see(Caller.of(None if access is None else tuple(access), caller))
        if access is not None:
            for name in ("jobs", "prompts", "snapshots", "evaluate"):
                setattr(mine, name, OperatorsOnly())
        return mine

    async def ask(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        mmr: float | None = None,
    ) -> Answer:
        """Answer a question from the documents, with checked citations.

        Args:
            question: In any words.
            collection: Where to look; when it is not given, where the conversation does, else `RAGKIT_COLLECTION`.
            conversation_id: From an earlier answer, to ask a follow-up question.
            prompt: `NAME`, `NAME@ALIAS` or `NAME@VERSION`; `answer@production` when it is not given.
            filters: Which documents may be used.
            mmr: As for `search`.

        Raises:
            NotFound: There is no such collection, conversation or prompt.
            InputError: The question is empty or too long.
            UpstreamError: The model's provider failed.
        """
        how: dict[str, Any] = {"conversation_id": conversation_id, "prompt": prompt, "filters": filters, "mmr": mmr}
        return await last_answer(self.stream(question, collection=collection, **how))

    async def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        mmr: float | None = None,
    ) -> AsyncIterator[Event]:
        """The same answer as it is written; the last event is `Done`. Closing the iterator cancels the model."""
        answerer = await self._threads.run(self._answerer)
        how: dict[str, Any] = {"conversation_id": conversation_id, "prompt": prompt, "filters": filters, "mmr": mmr}
        how |= {"collection": collection, "access": self._access, "caller": self._caller}
        async with aclosing(answerer.stream(question, **how)) as events:
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
        mmr: float | None = None,
    ) -> SearchResult:
        """The best passages for a question, best first.

        Args:
            query: In any words.
            collection: Where to look; `RAGKIT_COLLECTION` when it is not given.
            k: How many.
            mode: Which parts search, and whether what they find is read again.
            filters: Which documents may be found.
            mmr: Take passages that differ: what relevance counts, 0 to 1, beside being unlike the passages before.

        Raises:
            NotFound: There is no such collection.
            InputError: The query is empty, or `k`, `mode` or `mmr` cannot be used.
        """
        how: dict[str, Any] = {"k": k, "mode": mode, "filters": filters, "access": self._access, "mmr": mmr}
        return await self._search(query, collection=self._collection(collection), **how)

    async def explain(
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
        """What every stage of a search did: for operators, since it names also what is out of scope.

        Args:
            query: As for `search`.
            collection: Where to look.
            k: How many.
            mode: How.
            filters: Which documents may be found.
            access: The tags of the caller for whom to search; none for an operator.
            mmr: As above.

        Raises:
            NotFound: There is no such collection.
            NotAllowed: The caller carries access tags.
        """
        operators_only(self._access)
        tags = None if access is None else tuple(access)
        how: dict[str, Any] = {"k": k, "mode": mode, "filters": filters, "access": tags, "mmr": mmr}
        explain = partial(self._parts.retriever.explain, query, collection=self._collection(collection), **how)
        return await self._threads.run(explain)

    async def _search(self, query: str, **how: Any) -> SearchResult:
        return await self._threads.run(self._parts.retriever.search, query, **how)

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
            NotAllowed: The caller carries access tags.
        """
        operators_only(self._access)

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

        Raises:
            NotAllowed: The caller carries access tags.
        """
        operators_only(self._access)
        return await self._threads.run(partial(run_pipeline, self._parts, pipeline, **options))

    def run_job(self, work: Work, on_progress: OnProgress) -> IngestReport:
        """Do the work of a job; the worker calls it, from a thread."""
        return run_job(self._parts, work, on_progress)

    @property
    def ledger(self) -> JobLedger:
        """Where the worker takes jobs from."""
        return self._parts.jobs

    async def reindex(self, collection: str | None = None, **how: Unpack[ReindexOptions]) -> Reindexed:
        """Build the next generation of a collection while it answers, and switch to it; or go back to the one before.

        Args:
            collection: `RAGKIT_COLLECTION` when it is not given.
            how: `ReindexOptions` says what there is to choose.

        Raises:
            NotFound: There is no such collection.
            Conflict: The new generation is worse, there is none to go back to, or another process was faster.
            NotAllowed: The caller carries access tags.
        """
        operators_only(self._access)
        return await self._threads.run(partial(run_reindex, self._parts, self._collection(collection), **how))

    async def verify(self, *, repair: bool = False) -> VerifyReport:
        """Compare catalog, vectors and keywords, and mend what differs on request.

        Raises:
            NotAllowed: The caller carries access tags.
        """
        operators_only(self._access)
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
