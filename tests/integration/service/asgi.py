"""Calls the application without a client between: one that leaves, sends slowly, or does not read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import FastAPI

__all__ = ["Call"]


class Call:
    """One request.

    Args:
        app: The application; its lifespan must run.
        path: Where it goes.
        body: The parts of its body, or what becomes JSON.
        method: Of the request.
        whole: Whether the body ends with its last part; else more is awaited until the client has left.
        headers: Beside the type of JSON.

    Attributes:
        status, body: The reply, so far.
        read: How many bytes of its body the application has taken.
        gone: Set it, and the client has left.
        reads: Cleared, the client does not read what is sent to it.
    """

    def __init__(
        self,
        app: FastAPI,
        path: str,
        body: Iterable[bytes] | dict[str, Any],
        *,
        method: str = "POST",
        whole: bool = True,
        **headers: str,
    ) -> None:
        self._whole = whole
        self._parts = iter([json.dumps(body).encode()] if isinstance(body, dict) else body)
        self._next: bytes | None = next(self._parts, None)
        self.status, self.body, self.read = 0, b"", 0
        self.gone, self.reads = asyncio.Event(), asyncio.Event()
        self.reads.set()
        named = {"host": "127.0.0.1", "content_type": "application/json"} | headers
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        self.task = asyncio.ensure_future(app(self._scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._next is None:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        part, self._next = self._next, next(self._parts, None)
        self.read += len(part)
        return {"type": "http.request", "body": part, "more_body": not self._whole or self._next is not None}

    async def _send(self, message: Any) -> None:
        await self.reads.wait()
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - a thread may make it true
        await asyncio.sleep(0.005)


async def in_time(work: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(work, 300)
