"""The service's log: one line for each request, as text or as JSON; never what was asked, answered or sent as a key."""

from __future__ import annotations

import logging
import time

from pythonjsonlogger.json import JsonFormatter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Logged", "write_json"]

log = logging.getLogger("ragkit.requests")

NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}


def write_json() -> None:
    """Have every line of this process's log be one object of JSON, also those of libraries."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonFormatter(f"%({')s %('.join(NAMES)})s %(message)s", rename_fields=NAMES))


class Logged:
    """Writes a line for each request, at the level `info`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not log.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 499

        async def send_seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_seen)
        finally:
            _write(scope, status, round(1e3 * (time.perf_counter() - began)))


def _write(scope: Scope, status: int, ms: int) -> None:
    caller = scope["state"].get("caller")
    told = {
        "method": scope["method"],
        # Not the path, which may hold what was searched for, or an id that opens something.
        "route": getattr(scope.get("route"), "path", "other"),
        "status": status,
        "ms": ms,
        "key_id": caller.name if caller else "",
        "trace_id": scope["state"]["trace_id"],
    }
    log.info("%(method)s %(route)s %(status)d in %(ms)d ms, key %(key_id)r, trace %(trace_id)s", told, extra=told)
