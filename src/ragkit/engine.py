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
from ragkit.answering import AsyncAnswers, AsyncConversations, asked_in
from ragkit.callers import Caller, OperatorsOnly, Within, carries_no_tags, operators_only
from ragkit.embedding import AsyncEmbeddings
from ragkit.events import Event
from ragkit.explanation import Explanation
from ragkit.feedback import AsyncFeedback
from ragkit.history import Reindexed
from ragkit.ingest.sources import Origin, roots_of
from ragkit.job_resources import AsyncJobs
from ragkit.key_resources import AsyncKeys
from ragkit.parts import Parts, state_of
from ragkit.resources import AsyncCollections, AsyncDocuments, AsyncPrompts, AsyncSnapshots
from ragkit.runs import run_job, run_pipeline, run_reindex, run_roots
from ragkit.threads import Once, Threads
from ragkit.types import Answer, Filters, IngestReport, Message, Mode, SearchResult, VerifyReport
from ragkit.upload_resources import AsyncUploads

if TYPE_CHECKING:
    from ragkit.evaluation import AsyncEvaluation
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.report import RunOptions
    from ragkit.jobs.ledger import JobLedger, Work
    from ragkit.jobs.progress import OnProgress
    from ragkit.runs import ReindexOptions

__all__ = ["AsyncRagkit"]


class AsyncRagkit:
    """The local engine; `ragkit.Ragkit` is the same with blocking methods.

    Attributes:
        documents: What was ingested.
        collections: Sets of documents that are searched together.
        prompts: Versions of prompts and the aliases that point at them.
        conversations: What was said, in order; `answers`: the records of what was answered; `feedback` on them.
        jobs: Uploads and runs of pipelines, on their way; `uploads`: files that come to a service in parts.
        snapshots: What collections answered from earlier, to compare and to go back to.
        keys: Who may call a service over this engine, and how much they may use.
        evaluate: Measurements by questions with known answers.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts, self._threads = parts, Threads(parts.settings.threads)
        self._answerer = Once(lambda: parts.answerer(self._search, self._threads))
        self.prompts = AsyncPrompts(parts, self._threads)
        self.keys = AsyncKeys(parts, self._threads)
        # For the gate of a service: who is let in, and how much they may use.
        self.registry, self.quotas = parts.keys, parts.quotas
        self._see(Caller(), Within(parts.settings.collection))

    def _see(self, caller: Caller, within: Within) -> None:
        parts, threads = self._parts, self._threads
        self._access, self._caller, self._within = caller.access, caller.name, within
        self.documents = AsyncDocuments(parts, threads, within, caller.access)
        self.collections = AsyncCollections(parts, threads, within, caller.access)
        self.conversations = AsyncConversations(parts, threads, self.ask, caller)
        self.answers = AsyncAnswers(parts, threads, caller, within)
        self.feedback = AsyncFeedback(parts, threads, caller, within)
        self.embeddings = AsyncEmbeddings(parts, threads, within)
        self.jobs = AsyncJobs(parts, threads, within)
        self.uploads = AsyncUploads(parts, threads, within, caller)
        self.snapshots = AsyncSnapshots(parts, threads, within)

    @cached_property
    def evaluate(self) -> AsyncEvaluation:
        from ragkit.evaluation import AsyncEvaluation  # a fifth of a second, and most processes measure nothing

        return AsyncEvaluation(self._parts, self._threads, self.ask)

    def seen_by(
        self, access: Sequence[str] | None, *, caller: str | None = None, collections: Sequence[str] | None = None
    ) -> AsyncRagkit:
        """This engine for a caller: conversations and answers are its own, and what it may not see does not exist.

        Args:
            access: Tags; a document is seen by who carries one of its own, and untagged ones by all, unless
                `collections.configure` says otherwise. None: every document is seen.
            caller: Its name; callers without one share what they say with those who carry the same tags.
            collections: The only ones that the caller may use; all when none are given.
        """
        mine = copy(self)
        tags, only = (None if given is None else tuple(given) for given in (access, collections))
        mine._see(Caller.of(tags, caller), Within(self._parts.settings.collection, only))
        hidden = ["jobs", "snapshots"] if tags is not None else []
        hidden += ["prompts", "keys", "evaluate"] if (tags, only) != (None, None) else []
        for name in hidden:
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
        history: Sequence[Message] = (),
    ) -> Answer:
        """Answer a question from the documents, with checked citations.

        Args:
            question: In any words.
            collection: Where to look; when it is not given, where the conversation does, else `RAGKIT_COLLECTION`.
            conversation_id: From an earlier answer, to ask a follow-up question.
            prompt: `NAME`, `NAME@ALIAS` or `NAME@VERSION`; `answer@production` when it is not given.
            filters: Which documents may be used.
            mmr: As for `search`.
            history: What was said before, oldest first, where the asker keeps it and not a conversation.

        Raises:
            NotFound: There is no such collection, conversation or prompt.
            InputError: The question is empty or too long.
            UpstreamError: The model's provider failed.
        """
        how: dict[str, Any] = {"conversation_id": conversation_id, "prompt": prompt, "filters": filters}
        return await last_answer(self.stream(question, collection=collection, mmr=mmr, history=history, **how))

    async def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        mmr: float | None = None,
        history: Sequence[Message] = (),
    ) -> AsyncIterator[Event]:
        """The same answer as it is written; the last event is `Done`. Closing the iterator cancels the model."""
        how: dict[str, Any] = {"conversation_id": conversation_id, "prompt": prompt, "filters": filters}
        where = await asked_in(collection, conversation_id, self.conversations, self._within)
        answerer = await self._threads.run(self._answerer)
        how |= {"collection": where, "access": self._access, "caller": self._caller, "mmr": mmr, "history": history}
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
        return await self._search(query, collection=self._within.named(collection), **how)

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

        It takes what `search` takes, and in `access` the tags of the caller for whom to search; none for an operator.

        Raises:
            NotFound: There is no such collection.
            NotAllowed: The caller carries access tags.
        """
        carries_no_tags(self._access)
        tags = None if access is None else tuple(access)
        how: dict[str, Any] = {"k": k, "mode": mode, "filters": filters, "access": tags, "mmr": mmr}
        explain = partial(self._parts.retriever.explain, query, collection=self._within.named(collection), **how)
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
        operators_only(self._access, self._within)
        return await self._threads.run(partial(run_roots, self._parts, roots, **options))

    async def ingest_pipeline(self, pipeline: Pipeline, **options: Unpack[RunOptions]) -> IngestReport:
        """Ingest the source of a pipeline as its file says; finding nothing is fine, as in an inbox.

        Args:
            pipeline: From `ragkit.ingest.pipelines.load_pipelines`.
            options: As for `ingest_roots`; they go before what the file says.

        Raises:
            NotAllowed: The caller carries access tags.
        """
        operators_only(self._access, self._within)
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
        operators_only(self._access, self._within)
        return await self._threads.run(partial(run_reindex, self._parts, self._within.named(collection), **how))

    async def verify(self, *, repair: bool = False) -> VerifyReport:
        """Compare catalog, vectors and keywords, and mend what differs on request.

        Raises:
            NotAllowed: The caller carries access tags.
        """
        operators_only(self._access, self._within)
        return await self._threads.run(self._parts.verify, repair)

    async def ready(self) -> dict[str, str]:
        """Whether each part works: `ok`, or what is wrong with it."""
        probes: dict[str, Callable[[], object]] = {**self._parts.probes, "model": self._answerer}
        return {name: await self._threads.run(state_of, probe) for name, probe in probes.items()}

    async def aclose(self) -> None:
        """Let go of databases, models and servers."""
        await self._threads.run(self._parts.close)

    async def __aenter__(self) -> AsyncRagkit:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
