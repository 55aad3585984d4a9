"""A language model that says what it was told to say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import anyio

from ragkit.protocols import ChatDelta, ChatRequest
from ragkit.types import Usage

__all__ = ["ScriptedChat"]

Reply = str | Sequence[str | Exception]


class ScriptedChat:
    """A ChatModel whose replies are given: each a text, or its deltas, among which an exception breaks it off.

    Attributes:
        requests: What it was asked, in order.
        cancelled: How many replies were not read to their end.
    """

    def __init__(self, *replies: Reply, name: str = "scripted:1", usage: Usage | None = None) -> None:
        self._replies = list(replies)
        self._name = name
        self._usage = usage
        self.requests: list[ChatRequest] = []
        self.cancelled = 0

    @property
    def name(self) -> str:
        return self._name

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The next reply; the last one is repeated when there are no more."""
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        self.cancelled += 1
        written: list[str] = []
        for delta in [reply] if isinstance(reply, str) else reply:
            await anyio.lowlevel.checkpoint()
            if isinstance(delta, Exception):
                self.cancelled -= 1
                raise delta
            written.append(delta)
            yield ChatDelta(text=delta, so_far=lambda: Usage(output_tokens=len(written), cost_usd=None))
        self.cancelled -= 1
        yield ChatDelta(usage=self._usage or Usage(input_tokens=0, output_tokens=len(reply), cost_usd=None))
