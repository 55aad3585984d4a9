"""What hangs off the engine as `uploads`, for a service that takes files in parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from ragkit.callers import Caller, Within, carries_no_tags
from ragkit.errors import Conflict, TooLarge
from ragkit.jobs.uploads import accept_whole, checked_upload
from ragkit.store.arriving import Arriving, Upload
from ragkit.store.unfinished import unknown
from ragkit.threads import Threads

if TYPE_CHECKING:
    from ragkit.parts import Parts

__all__ = ["AsyncUploads"]

BLOCK = 1_000_000
"""Bytes that are written at once."""


class AsyncUploads:
    """Files that come in parts. One that is whole is the same job that `documents.upload` makes of it."""

    def __init__(self, parts: Parts, threads: Threads, within: Within, caller: Caller) -> None:
        self._parts = parts
        self._threads = threads
        self._within = within
        self._access = caller.access
        self._owner = caller.name or ""

    async def begin(self, name: str, length: int, *, collection: str | None = None, metadata: str = "") -> Upload:
        """Say what comes.

        Args:
            name: Of the file.
            length: Its bytes.
            collection: Where it goes; `RAGKIT_COLLECTION` when it is not given.
            metadata: Kept as it is, for the client.

        Raises:
            InputError: The name cannot be used, or the file is empty.
            TooLarge: The file is over `RAGKIT_MAX_FILE_MB`.
            NotAllowed: The caller carries access tags, or may not use the collection.
            Busy: The caller has too many uploads unfinished.
        """
        carries_no_tags(self._access)
        where = self._within.named(collection)
        checked_upload(name, length, max_bytes=self._parts.settings.max_file_mb * 1_000_000)
        return await self._threads.run(
            self._parts.unfinished.begin,
            owner=self._owner,
            name=name,
            collection=where,
            length=length,
            metadata=metadata,
        )

    async def get(self, upload_id: str) -> Upload:
        """How far it is; one that is whole has become a job.

        Raises:
            NotFound: The caller has no such upload, any more.
            Locked: It is being made a job at this moment.
        """
        upload = await self._mine(upload_id)
        if upload.offset < upload.length or upload.job_id is not None:
            return upload
        # Whoever wrote the last part was interrupted.
        arriving = await self._threads.run(self._parts.unfinished.write, upload_id, self._owner)
        try:
            return await self._threads.run(self._saved, arriving)
        finally:
            await self._threads.run(arriving.close)

    async def write(self, upload_id: str, offset: int, body: AsyncIterator[bytes]) -> Upload:
        """Add what comes; where it breaks off, what has come is kept.

        Args:
            upload_id: Which upload.
            offset: Where the body belongs: at the end of what is there.
            body: What comes.

        Raises:
            NotFound: The caller has no such upload, any more.
            Locked: Another request is writing to it.
            Conflict: It is somewhere else.
            TooLarge: There is more than was said; then nothing of the body is kept.
        """
        await self._mine(upload_id)
        arriving = await self._threads.run(self._parts.unfinished.write, upload_id, self._owner)
        try:
            if offset != arriving.upload.offset:
                raise Conflict(
                    f"The upload is at {arriving.upload.offset:,}, and the part begins at {offset:,}.",
                    hint="HEAD tells where to go on.",
                )
            try:
                await self._arrive(arriving, body)
            finally:
                upload = await self._threads.run(self._saved, arriving)
            return upload
        finally:
            await self._threads.run(arriving.close)

    async def remove(self, upload_id: str) -> None:
        """Forget it and what has come of it.

        Raises:
            NotFound: The caller has no such upload, any more.
            Locked: A request is writing to it.
        """
        await self._mine(upload_id)
        await self._threads.run(self._parts.unfinished.remove, upload_id, self._owner)

    async def sweep(self) -> None:
        """Remove everybody's uploads that have expired."""
        await self._threads.run(self._parts.unfinished.sweep)

    async def _mine(self, upload_id: str) -> Upload:
        upload = await self._threads.run(self._parts.unfinished.get, upload_id, self._owner)
        if not self._within.holds(upload.collection):  # the key has lost it meanwhile
            raise unknown(upload_id)
        return upload

    async def _arrive(self, arriving: Arriving, body: AsyncIterator[bytes]) -> None:
        room = arriving.upload.length - arriving.upload.offset
        waiting = bytearray()
        try:
            async for piece in body:
                room -= len(piece)
                if room < 0:
                    waiting.clear()
                    await self._threads.run(arriving.take_back, arriving.upload.offset)
                    raise TooLarge(
                        f"The upload has {arriving.upload.length:,} bytes, and more than that came.",
                        hint="HEAD tells where to go on.",
                    )
                waiting += piece
                if len(waiting) >= BLOCK:
                    # Taken before it is written: who is cancelled here must not write it twice.
                    full, waiting = waiting, bytearray()
                    await self._threads.run(arriving.write, full)
        finally:
            await self._threads.run(arriving.write, waiting)

    def _saved(self, arriving: Arriving) -> Upload:
        """Have it on the disk, and make it a job when it is whole."""
        upload = arriving.saved()
        if upload.job_id is not None or upload.offset < upload.length:
            return upload
        return arriving.finish(accept_whole(self._parts.jobs, self._parts.files, upload, arriving.path).id)
