"""`AsyncClient`: for code on an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from ragkit.client import calls, uploads
from ragkit.client.sending import AsyncSender
from ragkit.client.wire import Wire
from ragkit.errors import InputError
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
)

__all__ = ["AsyncClient"]


class Documents:
    """Documents of the service."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self, *, collection: str | None = None, state: DocumentState | None = None) -> tuple[Document, ...]:
        """The documents that can answer, or those in one state."""
        return await self._send(calls.list_documents(collection, state))

    async def get(self, document_id: str, *, chunks: bool = False) -> DocumentView:
        """A document with its text and, on request, its chunks."""
        return await self._send(calls.get_document(document_id, chunks=chunks))

    async def delete(self, document_id: str) -> Receipt:
        """Erase a document everywhere."""
        return await self._send(calls.delete_document(document_id))

    async def release(self, document_id: str) -> IngestReport:
        """Let a document out of quarantine."""
        return await self._send(calls.release_document(document_id))

    async def upload(self, name: str, data: bytes, *, collection: str | None = None) -> Job:
        """Hand in a file; the job tells what becomes of it."""
        return await self._send(calls.upload_document(name, data, collection=collection))


class Collections:
    """Collections of the service."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self) -> tuple[Collection, ...]:
        """All collections."""
        return await self._send(calls.list_collections())

    async def configure(self, name: str, *, untagged: bool) -> Collection:
        """Say whether documents without access tags can be seen by callers that carry some."""
        return await self._send(calls.configure_collection(name, untagged=untagged))

    async def delete(self, name: str) -> int:
        """Erase a collection, and return how many documents it had."""
        return await self._send(calls.delete_collection(name))


class Prompts:
    """Prompts of the service."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self) -> tuple[PromptVersion, ...]:
        """The versions of all prompts."""
        return await self._send(calls.list_prompts())

    async def show(self, name: str, *, alias: str | None = None, version: int | None = None) -> PromptVersion:
        """One version: by number, by alias, or the one in production."""
        return await self._send(calls.show_prompt(name, alias=alias, version=version))

    async def create(self, name: str, template: str, *, note: str = "") -> PromptVersion:
        """Add a version; it answers nothing until an alias points at it."""
        return await self._send(calls.create_prompt(name, template, note=note))

    async def promote(self, name: str, version: int, *, alias: str = "production") -> PromptVersion:
        """Point an alias at a version."""
        return await self._send(calls.promote_prompt(name, version, alias=alias))

    async def rollback(self, name: str, *, alias: str = "production") -> PromptVersion:
        """Point an alias where it pointed before."""
        return await self._send(calls.roll_back_prompt(name, alias=alias))

    async def diff(self, name: str, a: int, b: int) -> str:
        """What changed from one version to another, as a unified diff."""
        return await self._send(calls.diff_prompt(name, a, b))


class Jobs:
    """Jobs of the service."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self) -> tuple[Job, ...]:
        """The newest jobs first."""
        return await self._send(calls.list_jobs())

    async def get(self, job_id: str) -> Job:
        """How far a job is, and its report when it is done."""
        return await self._send(calls.get_job(job_id))

    async def start(self, pipeline: str) -> Job:
        """Run a pipeline of the service by its name."""
        return await self._send(calls.start_job(pipeline))

    async def pause(self, job_id: str) -> Job:
        """Stop after the batch under way, until it is resumed."""
        return await self._send(calls.change_job(job_id, "pause"))

    async def resume(self, job_id: str) -> Job:
        """Go on with a paused job."""
        return await self._send(calls.change_job(job_id, "resume"))

    async def cancel(self, job_id: str) -> Job:
        """Stop after the batch under way, for good."""
        return await self._send(calls.change_job(job_id, "cancel"))

    async def retry(self, job_id: str) -> Job:
        """Try again the documents that failed, and no others."""
        return await self._send(calls.change_job(job_id, "retry"))


class Snapshots:
    """Earlier states of the service's collections."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self, collection: str | None = None) -> tuple[Snapshot, ...]:
        """Those of one collection, newest first."""
        return await self._send(calls.list_snapshots(collection))

    async def show(self, number: int, *, collection: str | None = None) -> tuple[SnapshotEntry, ...]:
        """The documents of one, by uri."""
        return await self._send(calls.show_snapshot(number, collection))

    async def diff(self, a: int, b: int, *, collection: str | None = None) -> SnapshotDiff:
        """What changed from snapshot `a` to snapshot `b`."""
        return await self._send(calls.diff_snapshots(a, b, collection))

    async def rollback(self, number: int, *, collection: str | None = None) -> Rollback:
        """Answer from the documents of an earlier snapshot again."""
        return await self._send(calls.roll_back_snapshot(number, collection))


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
        self.jobs = Jobs(self._send)
        self.snapshots = Snapshots(self._send)

    async def ask(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
    ) -> Answer:
        """Answer a question from the documents, with checked citations."""
        return await self._send(
            calls.ask(question, collection=collection, conversation_id=conversation_id, prompt=prompt, filters=filters)
        )

    def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
    ) -> AsyncIterator[Event]:
        """The events of an answer as it is written; leaving the loop ends the answer."""
        return self._send.events(
            calls.ask(
                question,
                collection=collection,
                conversation_id=conversation_id,
                prompt=prompt,
                filters=filters,
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
    ) -> SearchResult:
        """Find the passages that answer a query best."""
        return await self._send(calls.search(query, collection=collection, k=k, mode=mode, filters=filters))

    async def ingest(self, *paths: str | Path, collection: str | None = None) -> IngestReport:
        """Upload files and folders, and wait until they are ingested."""
        start = time.monotonic()
        accepted: list[Job] = []
        reports: list[IngestReport] = []
        for name, file in uploads.files_of(paths).items():
            try:
                content = await asyncio.to_thread(uploads.content_of, file)
                accepted.append(await self.documents.upload(name, content, collection=collection))
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
