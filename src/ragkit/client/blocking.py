"""`Client`: for code that waits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from ragkit.client import calls, uploads
from ragkit.client.blocking_resources import (
    Answers,
    Collections,
    Conversations,
    Documents,
    Jobs,
    Keys,
    Prompts,
    Snapshots,
)
from ragkit.client.feedback import Given
from ragkit.client.sending import Sender
from ragkit.client.wire import Wire
from ragkit.errors import InputError
from ragkit.events import Event
from ragkit.explanation import Explanation
from ragkit.types import Answer, Filters, IngestReport, Job, Message, Mode, SearchResult

__all__ = ["Client"]


class Client:
    """A ragkit service, with the methods of `Ragkit`.

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
        http_client: httpx2.Client | None = None,
    ) -> None:
        wire = Wire.of(url, api_key=api_key, timeout=timeout, max_retries=max_retries, own_client=http_client is None)
        self._http = http_client or httpx2.Client(timeout=wire.timeouts)
        self._is_own = http_client is None
        self._send = Sender(wire, self._http)
        self.documents = Documents(self._send)
        self.collections = Collections(self._send)
        self.prompts = Prompts(self._send)
        self.conversations = Conversations(self._send)
        self.answers = Answers(self._send)
        self.feedback = Given(self._send)
        self.jobs = Jobs(self._send)
        self.snapshots = Snapshots(self._send)
        self.keys = Keys(self._send)

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
        """Answer a question from the documents, with checked citations."""
        return self._send(
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
    ) -> Iterator[Event]:
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
        """Find the passages that answer a query best."""
        return self._send(calls.search(query, collection=collection, k=k, mode=mode, filters=filters, mmr=mmr))

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
        """What every stage of a search did."""
        return self._send(
            calls.explain(query, collection=collection, k=k, mode=mode, filters=filters, access=access, mmr=mmr)
        )

    def ingest(self, *paths: str | Path, collection: str | None = None) -> IngestReport:
        """Upload files and folders, and wait until they are ingested."""
        start = time.monotonic()
        accepted: list[Job] = []
        reports: list[IngestReport] = []
        for name, file in uploads.files_of(paths).items():
            try:
                with uploads.opened(file) as source:
                    accepted.append(self._send.upload(name, source, collection=collection))
            except InputError as error:
                reports.append(uploads.rejected(name, error))
        reports += [uploads.report_of(self._ended(job)) for job in accepted]
        return uploads.total(reports, seconds=time.monotonic() - start)

    def _ended(self, job: Job) -> Job:
        patience = uploads.Patience()
        for delay in uploads.polls():
            if job.state not in uploads.UNDER_WAY:
                break
            time.sleep(delay)
            job = self.jobs.get(job.id)
            patience.check(job)
        return job

    def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
