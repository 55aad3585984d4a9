"""The uploads of `MemoryRagkit` that come in parts, in a dictionary."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

from ragkit.errors import Conflict, InputError, NotFound, TooLarge
from ragkit.store.arriving import KEPT, Upload
from ragkit.testing.resources import MemoryDocuments

__all__ = ["MemoryUploads"]


class MemoryUploads:
    """Uploads by one request at a time, which do not expire."""

    def __init__(self, documents: MemoryDocuments) -> None:
        self._documents = documents
        self._uploads: dict[str, Upload] = {}
        self._parts: dict[str, bytearray] = {}

    async def begin(self, name: str, length: int, *, collection: str | None = None, metadata: str = "") -> Upload:
        if not length:
            raise InputError(f"The file {name!r} is empty.")
        upload = Upload(
            id=secrets.token_hex(16),
            owner="",
            name=name,
            collection=collection or "default",
            length=length,
            metadata=metadata,
            offset=0,
            expires_at=datetime.now(UTC) + KEPT,
        )
        self._parts[upload.id] = bytearray()
        return self._noted(upload)

    async def get(self, upload_id: str) -> Upload:
        if upload_id not in self._uploads:
            raise NotFound(f"There is no upload {upload_id!r}.")
        return self._uploads[upload_id]

    async def write(self, upload_id: str, offset: int, body: AsyncIterator[bytes]) -> Upload:
        upload, part = await self.get(upload_id), self._parts[upload_id]
        if offset != upload.offset:
            raise Conflict(f"The upload is at {upload.offset}.")
        try:
            async for piece in body:
                if len(part) + len(piece) > upload.length:
                    del part[offset:]
                    raise TooLarge(f"The upload has {upload.length} bytes, and more than that came.")
                part += piece
        finally:
            upload = self._noted(replace(upload, offset=len(part)))
        if upload.offset == upload.length and upload.job_id is None:
            job = await self._documents.upload(upload.name, bytes(part), collection=upload.collection)
            upload = self._noted(replace(upload, job_id=job.id))
        return upload

    async def remove(self, upload_id: str) -> None:
        await self.get(upload_id)
        del self._uploads[upload_id], self._parts[upload_id]

    async def sweep(self) -> None:
        """Nothing expires."""

    def _noted(self, upload: Upload) -> Upload:
        self._uploads[upload.id] = upload
        return upload
