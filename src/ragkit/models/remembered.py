"""Replies that were written before, for requests that are equal to the last word.

The key is the whole request as the model would be sent it, with who asks and of what. So nothing can go stale: a change
of the documents, of what the caller may see, of the prompt, the model or its parameters makes another request. The
search and the check of every citation are done anew each time.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

from ragkit.protocols import ChatDelta, ChatModel, ChatRequest, MeasuredChat
from ragkit.tokens import count_tokens
from ragkit.types import Usage

__all__ = ["RememberingChat"]


class RememberingChat:
    """A ChatModel that asks another one, and repeats what it said; for one event loop.

    Only whole replies of the first model are kept: none that broke off, and none that a fallback wrote because of an
    outage.

    Args:
        chat: The other one.
        most: Replies that are kept, those used last.
        parameters: What else the reply depends on, beside the request and the name of the model.

    Attributes:
        hits: Requests that were answered from memory,
        misses: and those that were not.
    """

    def __init__(self, chat: ChatModel, *, most: int, parameters: str = "") -> None:
        self._chat = chat
        self._most = most
        self._parameters = parameters
        self._replies: OrderedDict[bytes, tuple[str, ...]] = OrderedDict()
        self.hits = self.misses = 0

    @property
    def name(self) -> str:
        return self._chat.name

    def reads(self) -> int | None:
        """What the other one reads."""
        return self._chat.reads() if isinstance(self._chat, MeasuredChat) else None

    def count(self, text: str) -> int:
        return self._chat.count(text) if isinstance(self._chat, MeasuredChat) else count_tokens(text)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply, with a usage of nothing where it is repeated.

        Raises:
            RagkitError: As the other one.
        """
        key = self._key(request)
        if key in self._replies:
            self.hits += 1
            self._replies.move_to_end(key)
            for text in self._replies[key]:
                yield ChatDelta(text=text)
            yield ChatDelta(usage=Usage(cached=True))
            return
        self.misses += 1
        texts: list[str] = []
        replaced = False
        async with aclosing(cast("AsyncGenerator[ChatDelta]", self._chat.stream(request))) as deltas:
            async for delta in deltas:
                replaced = replaced or bool(delta.fallback)
                texts += [delta.text] if delta.text else []
                yield delta
        if texts and not replaced:
            self._replies[key] = tuple(texts)
            while len(self._replies) > self._most:
                self._replies.popitem(last=False)

    def _key(self, request: ChatRequest) -> bytes:
        # Scores may differ in their last digit, and the model does not see them.
        sources = [(hit.chunk_id, hit.text) for hit in request.sources]
        asked = (request.messages, request.question, sources, request.max_tokens, request.scope)
        whole = repr((self._chat.name, self._parameters, asked))
        return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=32).digest()
