"""HTTP on a connection: what is no HTTP, has no end or does not come is refused by the application, as all else is."""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ragkit.errors import InputError, RagkitError, TimedOut, TooLarge
from ragkit.service.middleware import MOST_HEADER_BYTES, SILENT_S

__all__ = ["CarefulProtocol"]

MOST_HEAD_BYTES = 2 * MOST_HEADER_BYTES
"""Of a request whose headers do not end; those that do are judged by `HeaderLimit`."""
HINT = "An address is ASCII, with the rest percent-encoded, and shorter than 65,536 bytes."
"""What clients most often get wrong."""


class CarefulProtocol(HttpToolsProtocol):
    """Uvicorn's own has no limit to what comes before a request, and answers what it cannot read by itself.

    Attributes:
        head_s: How long a request may take to its first line and headers, and a connection to its first request.
    """

    head_s = SILENT_S
    _timer: TimerHandle | None = None
    _head_bytes = 0
    _in_head = _in_body = False
    _has_ended = False
    """Whether a request came to its end in the bytes that are looked at."""
    _is_deaf = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._has_ended = False
        super().data_received(data)
        if self.transport.is_closing() or self._is_deaf:
            return
        if self._timer is None and not self._is_under_way():  # empty lines; the rest of a body that was refused
            self._expect_head()
        if self._timer is not None and not (self._in_body or self._has_ended):
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(431, TooLarge(f"The headers of the request do not end after {MOST_HEAD_BYTES:,} bytes."))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._end_head()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._end_head()
        self._in_body, self._has_ended = False, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, InputError("What was sent is not HTTP (RFC 9112).", hint=HINT))

    def _is_under_way(self) -> bool:
        # There is none before the first request.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _expect_head(self) -> None:
        self._end_head()
        self._timer = self.loop.call_later(self.head_s, self._late)

    def _end_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._head_bytes, self._in_head = None, 0, False

    def _late(self) -> None:
        if self._is_under_way():  # it waits for the answer before
            is_begun, read = self._in_head, self._head_bytes
            self._expect_head()
            self._in_head, self._head_bytes = is_begun, read
        elif self._in_head or (self._head_bytes and self.cycle is None):
            self._refuse(408, TimedOut(f"The headers of the request did not come within {self.head_s:g} seconds."))
        else:
            self.transport.close()

    def _refuse(self, status: int, error: RagkitError) -> None:
        """Have the application answer so, and close the connection; `state["refused"]` tells it."""
        self._end_head()
        self._is_deaf = True
        if self._is_under_way():
            self.cycle.keep_alive = False
            if self.cycle.more_body:  # who reads on learns of it
                self.cycle.scope["state"]["refused"] = (status, error)
                self.cycle.message_event.set()
            return
        super().on_message_begin()
        self.scope |= {"method": "OTHER", "path": "/", "raw_path": b"/", "query_string": b""}
        self.scope["state"]["refused"] = (status, error)
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)
