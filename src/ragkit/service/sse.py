"""Streams of server-sent events: they outlive the signal to stop, and no reader that has stopped reading."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

__all__ = ["EventStream"]

log = logging.getLogger(__name__)

HEARTBEAT_S = 15
"""How often a silent stream gives a sign of life, as a comment."""


class EventStream(EventSourceResponse):
    """Sends events as they come.

    Args:
        events: What is sent.
        request: In whose reply.
        send_s: How long a reader may leave what was sent unread, when its connection holds no more.
    """

    def __init__(self, events: AsyncIterable[ServerSentEvent], request: Request, *, send_s: float = 20.0) -> None:
        # The server says when streams must end; without the time given here, they would be cut by its signal.
        grace_s = request.app.state.settings.stop_grace_s
        super().__init__(events, sep="\n", ping=HEARTBEAT_S, send_timeout=send_s, shutdown_grace_period=grace_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("A reader has not read for %g seconds, and is left.", self.send_timeout)
