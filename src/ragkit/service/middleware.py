"""What happens to every request before its route: a trace id, and how much it may send; who may call is in `gate`."""

from __future__ import annotations

import asyncio
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.errors import RagkitError, TooLarge
from ragkit.service.errors import problem
from ragkit.service.paths import path_of

__all__ = ["BodyLimit", "HeaderLimit", "TraceId"]

MOST_HEADERS, MOST_HEADER_BYTES = 100, 65_536
SILENT_S = 30.0
SLOWEST = 1_000
"""Bytes of a body in a second that must arrive, on average, once it has taken as long as it may be silent."""

UPLOADS, PARTS = "/v1/documents", "/v1/uploads"
"""Where files are sent to, and where they are sent in parts; the latter begins so."""
PART_SILENT_S = 10.0
"""A part may pause less: what has arrived is kept, and who comes back must not wait for a connection that is dead."""


class TraceId:
    """Gives each request an id, which its response carries as `X-Trace-Id` and its problem as `trace_id`.

    Args:
        app: What comes after.
        root_path: Where a proxy serves the service, for addresses that a response names.
    """

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._root_path:
            scope["root_path"] = self._root_path
            if not scope["path"].startswith(f"{self._root_path}/"):  # the proxy took it off; ASGI has it in the path
                scope["path"] = self._root_path + scope["path"]
        trace_id = secrets.token_hex(16)
        scope.setdefault("state", {})["trace_id"] = trace_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("X-Trace-Id", trace_id)
            await send(message)

        await self._app(scope, receive, send_with_id)


class HeaderLimit:
    """Refuses requests with more or longer headers than any client has a use for, and what the server could not read.

    The latter is in the `refused` of the request's state, with its status.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refused: tuple[int, RagkitError] | None = scope["state"].get("refused")
            if refused is not None:
                status, error = refused
                await problem(error, scope, status=status)(scope, receive, send)
                return
            sizes = [len(name) + len(value) for name, value in scope["headers"]]
            if len(sizes) > MOST_HEADERS or sum(sizes) > MOST_HEADER_BYTES:
                error = TooLarge(
                    f"The headers of the request are more than {MOST_HEADERS}, or {MOST_HEADER_BYTES:,} bytes."
                )
                await problem(error, scope, status=431)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses larger bodies, by their announced length or else as soon as more arrives; nothing is read ahead.

    Args:
        app: What comes after.
        max_bytes: Of an upload, which is written to disk as it arrives.
        max_json_bytes: Of anything else: it is read in memory, in one go, while nobody else is served.
        silent_s: How long a body may pause before it is given up.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_json_bytes: int, silent_s: float = SILENT_S) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._silent_s = silent_s
        self._max_json_bytes = min(max_json_bytes, max_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Not by the type of the content, which the caller chooses.
        path = path_of(scope)
        is_part = path == PARTS or path.startswith(f"{PARTS}/")
        limit = self._max_bytes if is_part or path == UPLOADS else self._max_json_bytes
        silent_s = min(PART_SILENT_S, self._silent_s) if is_part else self._silent_s
        error = TooLarge(f"The request is larger than the {limit:,} bytes that this service accepts.")
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await problem(error, scope)(scope, receive, send)
            return
        received, complete = 0, False
        waited_s = 0.0  # for the client alone: what the service does with a part is no time of its

        async def receive_counted() -> Message:
            nonlocal received, complete, waited_s
            since = time.monotonic()
            try:
                async with asyncio.timeout(None if complete else silent_s):
                    message = await receive()
            except TimeoutError as late:
                raise HTTPException(408, f"The rest of the request did not come within {silent_s:g} seconds.") from late
            if not complete and "refused" in scope.get("state", {}):
                status, refused = scope["state"]["refused"]
                raise HTTPException(status, refused.detail)
            waited_s += 0.0 if complete else time.monotonic() - since
            complete = complete or not message.get("more_body", False)
            received += len(message.get("body", b""))
            if not complete and waited_s > silent_s and received < SLOWEST * waited_s:
                raise HTTPException(408, f"The request comes more slowly than {SLOWEST:,} bytes a second.")
            if received > limit:
                # The one kind of exception that body parsing lets through.
                raise HTTPException(error.status, error.detail)
            return message

        await self._app(scope, receive_counted, send)
