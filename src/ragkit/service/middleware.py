"""What happens to every request before its route: a trace id, and how much it may send; who may call is in `gate`."""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.errors import TooLarge
from ragkit.service.errors import problem
from ragkit.service.paths import path_of

__all__ = ["BodyLimit", "TraceId"]

UPLOADS = "/v1/documents"
"""Where files are sent to."""


class TraceId:
    """Gives each request an id, which its response carries as `X-Trace-Id` and its problem as `trace_id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace_id = secrets.token_hex(16)
        scope.setdefault("state", {})["trace_id"] = trace_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("X-Trace-Id", trace_id)
            await send(message)

        await self._app(scope, receive, send_with_id)


class BodyLimit:
    """Refuses larger bodies, by their announced length or else as soon as more arrives; nothing is read ahead.

    Args:
        app: What comes after.
        max_bytes: Of an upload, which is written to disk as it arrives.
        max_json_bytes: Of anything else: it is read in memory, in one go, while nobody else is served.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_json_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_json_bytes = min(max_json_bytes, max_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Not by the type of the content, which the caller chooses.
        limit = self._max_bytes if path_of(scope) == UPLOADS else self._max_json_bytes
        error = TooLarge(f"The request is larger than the {limit:,} bytes that this service accepts.")
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await problem(error, scope)(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # The one kind of exception that body parsing lets through.
                raise HTTPException(error.status, error.detail)
            return message

        await self._app(scope, receive_counted, send)
