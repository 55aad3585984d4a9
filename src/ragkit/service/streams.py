"""Streams of answers that outlive their connection for a moment, so that a reader can go on where it was."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from sse_starlette import ServerSentEvent

from ragkit.errors import Conflict, NotFound

__all__ = ["Streams"]

MOST_BYTES = 2_000_000
"""Of one answer that are kept. A reader that is so far behind is waited for; of a longer answer, the end is kept."""
MOST_KEPT = 500
"""Streams that are kept beyond their end; the oldest go first."""

Sent = tuple[str, str]
"""Name and data of an event."""


class _Stream:
    """One answer: what was said of it so far, and who reads it."""

    def __init__(self, owner: str, close: Callable[[], Awaitable[None]], waits_s: float) -> None:
        self.owner = owner
        self.writing: asyncio.Task[None] | None = None
        self._close = close
        self._waits_s = waits_s
        self._sent: deque[Sent] = deque()
        self._bytes = 0
        self._count = 0
        self._taken = 0  # the last event that a reader was given
        self._unread = 0  # bytes that came after it
        self._over = False
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._readers = 0
        self._alone: asyncio.TimerHandle | None = None

    async def write(self, events: AsyncGenerator[Sent]) -> None:
        """Read the answer to its end, as far ahead of its readers as there is room."""
        try:
            async with aclosing(events):
                async for event in events:
                    self._keep(event)
                    while self._unread > MOST_BYTES:
                        self._room.clear()
                        await self._room.wait()
        finally:
            self._over = True
            self._news.set()
            await self._close()

    def _keep(self, event: Sent) -> None:
        self._sent.append(event)
        self._bytes += len(event[1])
        self._unread += len(event[1])
        self._count += 1
        while self._bytes > MOST_BYTES and self._count - len(self._sent) < self._taken:
            self._bytes -= len(self._sent.popleft()[1])
        self._news.set()
        self._news = asyncio.Event()

    async def read(self, after: int) -> AsyncGenerator[ServerSentEvent]:
        """The events after one that was read; each has its number as its id."""
        self._readers += 1
        if self._alone is not None:
            self._alone.cancel()
        try:
            while True:
                self.check(after)
                while after < self._count:
                    name, data = self._sent[after - self._count]
                    after += 1
                    self._give(after, len(data))
                    yield ServerSentEvent(data, event=name, id=str(after), sep="\n")
                    self.check(after)
                if self._over:
                    return
                await self._news.wait()
        finally:
            self._readers -= 1
            self.wait()

    def wait(self) -> None:
        """End the answer when nobody has come to read it for so long."""
        if not self._readers:
            self._alone = asyncio.get_running_loop().call_later(self._waits_s, self.cancel)

    def _give(self, number: int, size: int) -> None:
        if number > self._taken:
            self._taken = number
            self._unread -= size
            self._room.set()

    def check(self, after: int) -> None:
        """Whether what comes after an event is still kept.

        Raises:
            Conflict: It is not, or there was no such event.
        """
        if not self._count - len(self._sent) <= after <= self._count:
            raise Conflict("What comes after this event is not kept.", hint="The record of the answer has all of it.")

    def cancel(self) -> None:
        if self.writing is not None:
            self.writing.cancel()


class Streams:
    """The streams of a service; on one event loop, and of this process alone.

    Args:
        waits_s: How long an answer goes on without a reader.
    """

    def __init__(self, waits_s: float) -> None:
        self._waits_s = waits_s
        self._streams: dict[str, _Stream] = {}

    def begin(
        self, key: str, owner: str, events: AsyncGenerator[Sent], close: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[ServerSentEvent]:
        """Have an answer written, whoever reads it, and read it.

        Args:
            key: Its trace id.
            owner: Who may read it.
            events: The answer. It is closed when nobody has read it for so long.
            close: Called when it is over.
        """
        stream = _Stream(owner, close, self._waits_s)
        self._streams[key] = stream
        stream.writing = asyncio.create_task(stream.write(events))
        stream.wait()
        stream.writing.add_done_callback(lambda task: self._ended(key, task))
        return stream.read(0)

    def resume(self, key: str, owner: str, after: int) -> AsyncGenerator[ServerSentEvent]:
        """Go on reading.

        Raises:
            NotFound: There is no such stream, or it is another caller's.
            Conflict: What was said next is not kept.
        """
        stream = self._find(key, owner)
        stream.check(after)
        return stream.read(after)

    def cancel(self, key: str, owner: str) -> None:
        """End an answer, and the call of its model.

        Raises:
            NotFound: There is no such stream, or it is another caller's.
        """
        self._find(key, owner).cancel()

    async def aclose(self) -> None:
        """End all of them."""
        writing = [one.writing for one in self._streams.values() if one.writing is not None]
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)

    def _find(self, key: str, owner: str) -> _Stream:
        stream = self._streams.get(key)
        if stream is None or stream.owner != owner:
            raise NotFound(
                f"There is no stream {key!r} to go on with.",
                hint="One is kept for a moment, by the process that began it; GET /v1/answers has what was answered.",
            )
        return stream

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # it has been told as an event
        asyncio.get_running_loop().call_later(self._waits_s, self._streams.pop, key, None)
        over = [name for name, one in self._streams.items() if one.writing is not None and one.writing.done()]
        for name in over[:-MOST_KEPT]:
            del self._streams[name]
