"""What tus asks of every request, the protocol of resumable uploads (https://tus.io/protocols/resumable-upload, 1.0.0).

The routes are in `routes/uploads.py`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.errors import InputError, RagkitError
from ragkit.service.middleware import PARTS
from ragkit.service.paths import path_of

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit
    from ragkit.store.arriving import Upload

__all__ = ["EXTENSIONS", "PART", "VERSION", "Tus", "kept_swept", "metadata_of", "progress_of"]

log = logging.getLogger(__name__)

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination"
PART = "application/offset+octet-stream"
OVERRIDDEN = frozenset({"PATCH", "DELETE"})
SWEEP_S = 3600.0


class Tus:
    """Names the version in every response, and lets clients that can only POST say what they mean."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not path_of(scope).startswith(PARTS):
            await self._app(scope, receive, send)
            return
        meant = Headers(scope=scope).get("x-http-method-override", "").upper()
        if scope["method"] == "POST" and meant in OVERRIDDEN:
            scope["method"] = meant

        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Tus-Resumable", VERSION)
            await send(message)

        await self._app(scope, receive, send_with_version)


def metadata_of(header: str) -> Mapping[str, str]:
    """What an `Upload-Metadata` says: keys, each with a text in base64 or nothing, between commas.

    Raises:
        InputError: It says it in another way.
    """
    found: dict[str, str] = {}
    for pair in filter(None, (one.strip() for one in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            text = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise InputError(
                f"Upload-Metadata: the value of {key[:40]!r} is not base64 of a text in UTF-8.",
                hint="Write it as 'filename aGFuZGJvb2sucGRm,collection aHI='.",
            ) from None
        if key in found:
            raise InputError(f"Upload-Metadata: {key[:40]!r} is there twice.", hint="Say it once.")
        found[key] = text
    return found


def progress_of(upload: Upload) -> dict[str, str]:
    """The headers that tell how far an upload is, and what it has become."""
    told = {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": format_datetime(upload.expires_at, usegmt=True),
        "Cache-Control": "no-store",
    }
    return told if upload.job_id is None else told | {"X-Job-Id": upload.job_id}


@contextlib.asynccontextmanager
async def kept_swept(kit: AsyncRagkit) -> AsyncIterator[None]:
    """Remove uploads that have expired, at first and then now and again."""
    sweeping = asyncio.create_task(_sweep(kit))
    try:
        yield
    finally:
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping


async def _sweep(kit: AsyncRagkit) -> None:
    while True:
        try:
            await kit.uploads.sweep()
        except RagkitError as error:
            log.error("Uploads that have expired are not removed: %s", error.detail)
        await asyncio.sleep(SWEEP_S)
