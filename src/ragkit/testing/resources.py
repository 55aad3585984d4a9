"""The documents, collections, prompts and jobs of `MemoryRagkit`, in dictionaries and lists."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ragkit.errors import Conflict, InputError, NotFound
from ragkit.excerpts import Excerpt, excerpt
from ragkit.testing.snapshots import MemorySnapshots
from ragkit.types import (
    Chunk,
    Collection,
    Document,
    DocumentState,
    DocumentView,
    Example,
    IngestReport,
    Job,
    PromptVersion,
    Receipt,
)

__all__ = ["MemoryCollections", "MemoryDocuments", "MemoryJobs", "MemoryPrompts"]

THEN = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryDocuments:
    """Documents in a dictionary; what is uploaded is there at once."""

    def __init__(self, views: dict[str, DocumentView], snapshots: MemorySnapshots) -> None:
        self._views = views
        self._snapshots = snapshots
        self.accepted: list[Job] = []

    def of(self, collection: str) -> list[DocumentView]:
        """The documents of a collection, in the order in which they came."""
        views = [view for view in self._views.values() if view.document.collection == collection]
        if not views:
            raise NotFound(f"There is no collection {collection!r}.", hint="`ragkit collections list` shows them all.")
        return views

    async def list(
        self,
        *,
        collection: str | None = None,
        state: DocumentState | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> tuple[Document, ...]:
        views = self._views.values() if collection is None else self.of(collection)
        found = sorted((view.document for view in views), key=lambda one: (one.collection, one.uri))
        start = None if after is None else tuple(after.split("/", 1))
        mine = [one for one in found if state in {None, one.state} and (not start or (one.collection, one.uri) > start)]
        return tuple(mine[:limit])

    async def get(self, document_id: str, *, chunks: bool = False) -> DocumentView:
        if document_id not in self._views:
            raise NotFound(f"There is no document {document_id!r}.")
        view = self._views[document_id]
        return view if chunks else replace(view, chunks=())

    async def text(
        self, document_id: str, *, start: int = 0, end: int | None = None, page: int | None = None
    ) -> Excerpt:
        return excerpt(await self.get(document_id, chunks=True), start=start, end=end, page=page)

    async def file(self, document_id: str) -> bytes:
        return (await self.get(document_id)).text.encode()

    async def delete(self, document_id: str) -> Receipt:
        view = await self.get(document_id)
        del self._views[document_id]
        self._snapshots.erase(view)
        self._snapshots.record(view.document.collection)
        return Receipt(document_id=document_id, uri=view.document.uri, chunks=1, deleted_at=THEN)

    async def release(self, document_id: str) -> IngestReport:
        view = await self.get(document_id, chunks=True)
        if view.document.state != "quarantined":
            raise Conflict(f"The document {document_id!r} is {view.document.state}, not quarantined.")
        self._views[document_id] = replace(view, document=replace(view.document, state="live", reason=None))
        return IngestReport(found=1, added=1, chunks=1)

    async def upload(self, name: str, data: bytes, *, collection: str | None = None) -> Job:
        if not data:
            raise InputError(f"The file {name!r} is empty.")
        view = _view(f"upload://{name}", data, collection or "default")
        self._views[view.document.id] = view
        self._snapshots.record(view.document.collection)
        job = Job(
            id=f"job_{len(self.accepted) + 1}",
            kind="ingest",
            state="queued",
            collection=view.document.collection,
            uri=view.document.uri,
            report=None,
            error=None,
            created_at=THEN,
            updated_at=THEN,
        )
        self.accepted.append(job)
        return job


class MemoryCollections:
    """The collections that the documents name."""

    def __init__(self, views: dict[str, DocumentView], snapshots: MemorySnapshots) -> None:
        self._views = views
        self._snapshots = snapshots
        self._untagged: dict[str, bool] = {}

    async def list(self) -> tuple[Collection, ...]:
        names = sorted({view.document.collection for view in self._views.values()})
        return tuple(self._collection(name) for name in names)

    async def configure(self, name: str, *, untagged: bool) -> Collection:
        if name not in {found.name for found in await self.list()}:
            raise NotFound(f"There is no collection {name!r}.")
        self._untagged[name] = untagged
        return self._collection(name)

    async def delete(self, name: str) -> int:
        mine = [key for key, view in self._views.items() if view.document.collection == name]
        if not mine:
            raise NotFound(f"There is no collection {name!r}.")
        for key in mine:
            del self._views[key]
        self._snapshots.drop(name)
        return len(mine)

    def _collection(self, name: str) -> Collection:
        count = sum(view.document.collection == name for view in self._views.values())
        return Collection(
            name=name,
            documents=count,
            chunks=count,
            generation=1,
            embedder="words",
            dimension=1,
            created_at=THEN,
            untagged=self._untagged.get(name, False),
        )


class MemoryJobs:
    """Uploads, each done by the time someone looks; there is no pipeline."""

    def __init__(self, documents: MemoryDocuments) -> None:
        self._documents = documents

    async def list(self, *, limit: int = 500, before: str | None = None) -> tuple[Job, ...]:
        newest = [_done(job) for job in reversed(self._documents.accepted)]
        first = 0 if before is None else newest.index(await self.get(before)) + 1
        return tuple(newest[first : first + limit])

    async def get(self, job_id: str) -> Job:
        for job in self._documents.accepted:
            if job.id == job_id:
                return _done(job)
        raise NotFound(f"There is no job {job_id!r}.")

    async def start(self, pipeline: str) -> Job:
        raise NotFound(f"There is no pipeline {pipeline!r}.")

    async def pause(self, job_id: str) -> Job:
        return await self._ended(job_id)

    async def resume(self, job_id: str) -> Job:
        return await self._ended(job_id)

    async def cancel(self, job_id: str) -> Job:
        return await self._ended(job_id)

    async def retry(self, job_id: str) -> Job:
        return await self._ended(job_id)

    async def _ended(self, job_id: str) -> Job:
        job = await self.get(job_id)
        raise Conflict(f"The job {job_id!r} is {job.state}.")


class MemoryPrompts:
    """Versions in lists."""

    def __init__(self) -> None:
        self._versions = {"answer": [_prompt("answer", 1, "{question} {sources}", "")]}
        self._aliases = {("answer", "production"): [1]}

    async def list(self) -> tuple[PromptVersion, ...]:
        return tuple([await self.show(name, version=v.version) for name, vs in self._versions.items() for v in vs])

    async def show(self, name: str, *, alias: str | None = None, version: int | None = None) -> PromptVersion:
        history = self._aliases.get((name, alias or "production"), [])
        number = version or (history[-1] if history else 0)
        for found in self._versions.get(name, []):
            if found.version == number:
                aliases = tuple(a for (n, a), h in self._aliases.items() if n == name and h and h[-1] == number)
                return replace(found, aliases=aliases)
        raise NotFound(f"There is no prompt {name!r} in the version asked for.")

    async def create(
        self, name: str, template: str, *, note: str = "", system: str = "", examples: Sequence[Example] = ()
    ) -> PromptVersion:
        versions = self._versions.setdefault(name, [])
        made = _prompt(name, len(versions) + 1, template, note)
        versions.append(replace(made, system=system, examples=tuple(examples)))
        return versions[-1]

    async def promote(self, name: str, version: int, *, alias: str = "production") -> PromptVersion:
        await self.show(name, version=version)
        self._aliases.setdefault((name, alias), []).append(version)
        return await self.show(name, version=version)

    async def rollback(self, name: str, *, alias: str = "production") -> PromptVersion:
        history = self._aliases.get((name, alias), [])
        if len(history) < 2:
            raise NotFound(f"{alias!r} of the prompt {name!r} has never pointed anywhere else.")
        history.pop()
        return await self.show(name, alias=alias)

    async def diff(self, name: str, a: int, b: int) -> str:
        before, after = await self.show(name, version=a), await self.show(name, version=b)
        lines = difflib.unified_diff(before.template.splitlines(), after.template.splitlines(), str(a), str(b))
        return "\n".join(lines)


def _view(uri: str, data: bytes, collection: str) -> DocumentView:
    text = data.decode()
    key = "doc_" + hashlib.sha256(f"{collection} {uri}".encode()).hexdigest()[:20]
    document = Document(
        id=key,
        collection=collection,
        uri=uri,
        title=uri.rsplit("/", 1)[-1],
        media_type="text/plain",
        state="live",
        version=hashlib.sha256(data).hexdigest(),
        size=len(data),
        pages=0,
        chunks=1,
        metadata={},
        reason=None,
        created_at=THEN,
        updated_at=THEN,
    )
    chunk = Chunk(chunk_id=f"chk_{key}", start=0, end=len(text), page=None, heading="", text=text)
    return DocumentView(document=document, text=text, chunks=(chunk,))


def _done(job: Job) -> Job:
    return replace(job, state="done", report=IngestReport(found=1, added=1, chunks=1))


def _prompt(name: str, version: int, template: str, note: str) -> PromptVersion:
    sha256 = hashlib.sha256(template.encode()).hexdigest()
    variables = tuple(re.findall(r"{(\w+)}", template))
    return PromptVersion(
        name=name,
        version=version,
        template=template,
        variables=variables,
        sha256=sha256,
        note=note,
        created_at=THEN,
    )
