"""What hangs off the engine as attributes: documents, collections, prompts and snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragkit.callers import Access, Within, carries_no_tags
from ragkit.errors import InputError, NotFound
from ragkit.excerpts import Excerpt, excerpt
from ragkit.history import Rollback, Snapshot, SnapshotDiff, SnapshotEntry
from ragkit.jobs.uploads import accept_upload
from ragkit.runs import release_document
from ragkit.threads import Threads
from ragkit.types import (
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

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.parts import Parts

__all__ = ["AsyncCollections", "AsyncDocuments", "AsyncPrompts", "AsyncSnapshots"]


class AsyncDocuments:
    """What was ingested."""

    def __init__(self, parts: Parts, threads: Threads, within: Within, access: Access = None) -> None:
        self._parts = parts
        self._threads = threads
        self._within = within
        self._access = access

    async def list(
        self,
        *,
        collection: str | None = None,
        state: DocumentState | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> tuple[Document, ...]:
        """The documents that can answer, or those in one state; by collection and uri.

        Args:
            collection: Only those of this one.
            state: Such as `failed`.
            limit: How many at most; all of them where it is not given.
            after: Go on after this `Document.place`, `COLLECTION/URI`.

        Raises:
            NotFound: There is no such collection.
        """
        if collection is not None:
            await self._threads.run(self._parts.collections.get, self._within.named(collection))
        if limit is not None and limit < 1:
            raise InputError(f"A list cannot have {limit} entries.", hint="Ask for 1 or more.")
        page: dict[str, Any] = {"limit": limit, "after": after, "only": self._within.only, "access": self._access}
        return await self._threads.run(self._parts.catalog.documents, collection=collection, state=state, **page)

    async def get(self, document_id: str, *, chunks: bool = False) -> DocumentView:
        """A document with its text, and its chunks on request.

        Raises:
            NotFound: No document has this id.
        """
        catalog = self._parts.catalog
        view = await self._threads.run(catalog.view, document_id, with_chunks=chunks, access=self._access)
        if not self._within.holds(view.document.collection):
            raise NotFound(f"There is no document {document_id!r}.", hint="`ragkit documents list` shows every id.")
        return view

    async def text(
        self, document_id: str, *, start: int = 0, end: int | None = None, page: int | None = None
    ) -> Excerpt:
        """A part of its text.

        Args:
            document_id: Which document.
            start: The first character, from 0.
            end: The character after the last one; without it, the end of the text.
            page: Only what is on this page, from 1, and between `start` and `end`.

        Raises:
            NotFound: No document has this id, or there is no text on the page.
        """
        view = await self.get(document_id, chunks=page is not None)
        return excerpt(view, start=start, end=end, page=page)

    async def file(self, document_id: str) -> bytes:
        """The file that was uploaded, as it came.

        Raises:
            NotFound: No document has this id, or no copy of its file is kept: it was read from where its uri says.
        """
        document = (await self.get(document_id)).document
        if document.version is None or not document.uri.startswith("upload://"):
            raise NotFound(
                f"No copy of the file of {document.uri!r} is kept: only uploads are.", hint="Fetch it from its source."
            )
        return await self._threads.run(self._parts.files.get, document.version)

    async def delete(self, document_id: str) -> Receipt:
        """Remove a document from the catalog, the vectors and the keywords.

        Raises:
            NotFound: No document has this id.
        """
        view = await self.get(document_id)
        generation = await self._threads.run(self._parts.collections.get, view.document.collection)
        ingestor = await self._threads.run(self._parts.ingestor)
        for receipt in await self._threads.run(ingestor.delete, generation, [document_id]):
            return receipt
        raise NotFound(f"The document {document_id!r} was deleted by another request at this moment.")

    async def release(self, document_id: str) -> IngestReport:
        """Let a document out of quarantine: these bytes are ingested whatever the filters say of them.

        Raises:
            NotFound: No document has this id.
            Conflict: It is not in quarantine.
        """
        view = await self.get(document_id)
        return await self._threads.run(release_document, self._parts, view.document)

    async def upload(self, name: str, data: bytes, *, collection: str | None = None) -> Job:
        """Accept a file; a worker ingests it, and the same name again is a newer version of the same document.

        Raises:
            InputError: The name cannot be used, or the file is empty.
            TooLarge: The file is over `RAGKIT_MAX_FILE_MB`.
            NotAllowed: The caller carries access tags.
        """
        # What is uploaded has no tags, and may replace what the caller does not see.
        carries_no_tags(self._access)
        return await self._threads.run(
            accept_upload,
            self._parts.jobs,
            self._parts.files,
            name=name,
            data=data,
            collection=self._within.named(collection),
            max_bytes=self._parts.settings.max_file_mb * 1_000_000,
        )


class AsyncCollections:
    """Sets of documents that are searched together."""

    def __init__(self, parts: Parts, threads: Threads, within: Within, access: Access = None) -> None:
        self._parts = parts
        self._threads = threads
        self._within = within
        self._access = access

    async def list(self) -> tuple[Collection, ...]:
        """All of them, by name."""
        found = await self._threads.run(self._parts.collections.list, access=self._access)
        return tuple(collection for collection in found if self._within.holds(collection.name))

    async def configure(self, name: str, *, untagged: bool) -> Collection:
        """Say whether documents without access tags can be seen by callers that carry some.

        Raises:
            NotFound: There is no such collection.
        """
        carries_no_tags(self._access)
        await self._threads.run(self._parts.collections.configure, self._within.named(name), untagged=untagged)
        return next(found for found in await self.list() if found.name == name)

    async def delete(self, name: str) -> int:
        """Remove a collection; returns how many documents it had.

        Raises:
            NotFound: There is no such collection.
        """
        carries_no_tags(self._access)
        return await self._threads.run(self._parts.drop, self._within.named(name))


class AsyncPrompts:
    """Versions of prompts and the aliases that point at them."""

    def __init__(self, parts: Parts, threads: Threads) -> None:
        self._registry = parts.prompts
        self._threads = threads

    async def list(self) -> tuple[PromptVersion, ...]:
        """Every version of every prompt."""
        return await self._threads.run(self._registry.list)

    async def show(self, name: str, *, alias: str | None = None, version: int | None = None) -> PromptVersion:
        """One version: by number, by alias, or the one in production.

        Raises:
            NotFound: There is no such prompt, alias or version.
        """
        return await self._threads.run(self._registry.show, name, alias=alias, version=version)

    async def create(
        self, name: str, template: str, *, note: str = "", system: str = "", examples: Sequence[Example] = ()
    ) -> PromptVersion:
        """Keep a new version; it answers once an alias points at it.

        Args:
            name: Of the prompt.
            template: What the model is told with the question, with variables.
            note: What is different, and why.
            system: What it is told before, without variables.
            examples: Questions with the answers that it should give, which it is shown first.

        Raises:
            InputError: The template lacks a variable that this prompt needs, or has one that it does not know; or
                another part cannot be used.
        """
        parts: dict[str, Any] = {"note": note, "system": system, "examples": examples}
        return await self._threads.run(self._registry.create, name, template, **parts)

    async def promote(self, name: str, version: int, *, alias: str = "production") -> PromptVersion:
        """Point an alias at a version."""
        return await self._threads.run(self._registry.promote, name, version, alias=alias)

    async def rollback(self, name: str, *, alias: str = "production") -> PromptVersion:
        """Point an alias back at what it pointed at before."""
        return await self._threads.run(self._registry.rollback, name, alias=alias)

    async def diff(self, name: str, a: int, b: int) -> str:
        """What changed from version `a` to version `b`, as a unified diff."""
        return await self._threads.run(self._registry.diff, name, a, b)


class AsyncSnapshots:
    """What collections answered from after each run that changed something."""

    def __init__(self, parts: Parts, threads: Threads, within: Within) -> None:
        self._parts = parts
        self._threads = threads
        self._within = within

    async def list(self, collection: str | None = None) -> tuple[Snapshot, ...]:
        """Those of one collection, newest first.

        Raises:
            NotFound: There is no such collection.
        """
        return await self._threads.run(self._parts.snapshots.list, await self._generation(collection))

    async def show(self, number: int, *, collection: str | None = None) -> tuple[SnapshotEntry, ...]:
        """The documents of one, by uri.

        Raises:
            NotFound: There is no such collection or snapshot.
        """
        return await self._threads.run(self._parts.snapshots.show, await self._generation(collection), number)

    async def diff(self, a: int, b: int, *, collection: str | None = None) -> SnapshotDiff:
        """What changed from snapshot `a` to snapshot `b`.

        Raises:
            NotFound: There is no such collection or snapshot.
        """
        return await self._threads.run(self._parts.snapshots.diff, await self._generation(collection), a, b)

    async def rollback(self, number: int, *, collection: str | None = None) -> Rollback:
        """Answer from the documents of an earlier snapshot again; what was deleted since stays deleted.

        Raises:
            NotFound: There is no such collection or snapshot.
            Conflict: A version of it is past its retention.
        """
        name = self._within.named(collection)
        ingestor = await self._threads.run(self._parts.ingestor)
        return await self._threads.run(ingestor.roll_back, name, number)

    async def _generation(self, collection: str | None) -> Generation:
        return await self._threads.run(self._parts.collections.get, self._within.named(collection))
