"""What happens to every request before its route: a trace id, who may call, and how much it may send."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.errors import NotAllowed, RagkitError, TooLarge, Unauthenticated
from ragkit.service.errors import problem

__all__ = ["BodyLimit", "Gate", "TraceId"]

log = logging.getLogger(__name__)

OPEN_PATHS = ("/healthz", "/readyz", "/docs", "/openapi.json", "/static-offline-docs/", "/page/")
"""What needs no key, and begins so: probes, the documentation of the API, and the parts of the chat page."""
NAME_DIGITS = 32
"""Of the hash of a key, which names the caller: what belongs to one key is not seen with another."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


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


class Gate:
    """Lets in whoever sends one of the keys; without keys, only what comes from this machine on purpose.

    A service without keys listens on loopback, where any web page in a browser on this machine could reach it: under a
    name of its own that resolves to loopback (DNS rebinding), or by posting a form. `Host` and `Origin` show it.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._digests = [_digest(key) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            try:
                scope["state"]["trusted"] = self._admit(scope["path"], headers)
                name = f"key {_digest(_key(headers)).hex()[:NAME_DIGITS]}"
                scope["state"]["caller"] = name if self._digests else None
            except RagkitError as error:
                await problem(error, scope["state"]["trace_id"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admit(self, path: str, headers: Headers) -> bool:
        """Whether the caller is known; raises where an unknown one may not go on."""
        if not self._digests:
            _refuse_web_pages(headers)
            return True
        if self._knows(_key(headers)):
            return True
        if path == "/" or path.startswith(OPEN_PATHS):
            return False
        raise Unauthenticated(
            "This service needs an API key, and the one sent is missing or wrong.",
            hint="Send it as 'Authorization: Bearer …'; the SDK and the command line read RAGKIT_API_KEY.",
        )

    def _knows(self, key: str) -> bool:
        # All are compared, each in constant time: how long it takes says nothing about any of them.
        digest = _digest(key)
        return any([hmac.compare_digest(digest, known) for known in self._digests])  # noqa: C419


class BodyLimit:
    """Refuses larger bodies, by their announced length or else as soon as more arrives; nothing is read ahead.

    Args:
        app: What comes after.
        max_bytes: Of a form, which is written to disk as it arrives.
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
        headers = Headers(scope=scope)
        is_form = headers.get("content-type", "").casefold().startswith("multipart/form-data")
        limit = self._max_bytes if is_form else self._max_json_bytes
        error = TooLarge(f"The request is larger than the {limit:,} bytes that this service accepts.")
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await problem(error, scope["state"]["trace_id"])(scope, receive, send)
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


def _key(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _refuse_web_pages(headers: Headers) -> None:
    host = headers.get("host", "")
    if _name(f"//{host}") not in LOOPBACK_NAMES:
        raise NotAllowed(
            f"A service without keys answers to 'localhost' only, not to {host!r}.",
            hint="Set RAGKIT_API_KEYS to serve under another name.",
        )
    origin = headers.get("origin")
    if origin is not None and _name(origin) not in LOOPBACK_NAMES:
        raise NotAllowed(
            f"A service without keys takes no requests from the web page {origin!r}.",
            hint="Set RAGKIT_API_KEYS and have the page's server call the service.",
        )


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
