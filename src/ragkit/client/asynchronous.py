"""`AsyncClient`: for code on an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from ragkit.client import calls, uploads
from ragkit.client.asynchronous_resources import (
    Answers,
    Collections,
    Conversations,
    Documents,
    Jobs,
    Keys,
    Prompts,
    Snapshots,
)
from ragkit.client.feedback import AsyncGiven
from ragkit.client.sending import AsyncSender
from ragkit.client.wire import Wire
from ragkit.errors import InputError
from ragkit.events import Event
from ragkit.explanation import Explanation
from ragkit.types import Answer, Filters, IngestReport, Job, Message, Mode, SearchResult

__all__ = ["AsyncClient"]


class AsyncClient:
    """A ragkit service, with the methods of `AsyncRagkit`.

    Args:
        url: Its address; else `RAGKIT_URL`, else this machine's port 8000.
        api_key: Else `RAGKIT_API_KEY`.
        timeout: Seconds without a byte after which a call is given up.
        max_retries: How often a call is tried again where that is safe.
        http_client: Sends the requests, and is closed by whoever made it; its timeouts count, and its base URL when
            `url` is not given.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 2,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        wire = Wire.of(url, api_key=api_key, timeout=timeout, max_retries=max_retries, own_client=http_client is None)
        self._http = http_client or httpx2.AsyncClient(timeout=wire.timeouts)
        self._is_own = http_client is None
        self._send = AsyncSender(wire, self._http)
        self.documents = Documents(self._send)
        self.collections = Collections(self._send)
        self.prompts = Prompts(self._send)
        self.conversations = Conversations(self._send)
        self.answers = Answers(self._send)
        self.feedback = AsyncGiven(self._send)
        self.jobs = Jobs(self._send)
        self.snapshots = Snapshots(self._send)
        self.keys = Keys(self._send)

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
        """Answer a question from the documents, with checked citations."""
        return await self._send(
            calls.ask(
                question,
                collection=collection,
                conversation_id=conversation_id,
                prompt=prompt,
                filters=filters,
                mmr=mmr,
                history=history,
            )
        )

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
    ) -> AsyncIterator[Event]:
        """The events of an answer as it is written; leaving the loop ends the answer."""
        return self._send.events(
            calls.ask(
                question,
                collection=collection,
                conversation_id=conversation_id,
                prompt=prompt,
                filters=filters,
                mmr=mmr,
                history=history,
                stream=True,
            )
        )

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
        """Find the passages that answer a query best."""
        return await self._send(calls.search(query, collection=collection, k=k, mode=mode, filters=filters, mmr=mmr))

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
        """What every stage of a search did."""
        return await self._send(
            calls.explain(query, collection=collection, k=k, mode=mode, filters=filters, access=access, mmr=mmr)
        )

    async def ingest(self, *paths: str | Path, collection: str | None = None) -> IngestReport:
        """Upload files and folders, and wait until they are ingested."""
        start = time.monotonic()
        accepted: list[Job] = []
        reports: list[IngestReport] = []
        found = await asyncio.to_thread(uploads.files_of, paths)
        for name, file in found.items():
            try:
                with uploads.opened(file) as source:
                    accepted.append(await self._send.upload(name, source, collection=collection))
            except InputError as error:
                reports.append(uploads.rejected(name, error))
        reports += [uploads.report_of(await self._ended(job)) for job in accepted]
        return uploads.total(reports, seconds=time.monotonic() - start)

    async def _ended(self, job: Job) -> Job:
        patience = uploads.Patience()
        for delay in uploads.polls():
            if job.state not in uploads.UNDER_WAY:
                break
            await asyncio.sleep(delay)
            job = await self.jobs.get(job.id)
            patience.check(job)
        return job

    async def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
