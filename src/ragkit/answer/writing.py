"""Lets the model write an answer, and checks every sentence of it as it closes."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ragkit.answer import reply
from ragkit.answer.citations import Resolved, resolve
from ragkit.answer.context import pack, written
from ragkit.answer.markers import Sentence
from ragkit.answer.ports import Prompts, deltas
from ragkit.answer.turn import Turn, sha256
from ragkit.errors import UpstreamError
from ragkit.events import Event, Token
from ragkit.protocols import ChatModel, ChatRequest
from ragkit.settings import Settings
from ragkit.threads import Threads
from ragkit.tokens import count_tokens
from ragkit.types import Hit, Message

__all__ = ["Writer"]


class Writer:
    """Writes answers from what was found.

    Args:
        chat: The model.
        prompts: Puts values into the prompt of a turn.
        settings: Budgets.
        threads: For blocking work.
    """

    def __init__(self, *, chat: ChatModel, prompts: Prompts, settings: Settings, threads: Threads) -> None:
        self._chat = chat
        self._prompts = prompts
        self._settings = settings
        self._threads = threads

    async def write(self, turn: Turn) -> AsyncGenerator[Event]:
        """The answer to a turn, as events; what is written is kept in the turn.

        Raises:
            UpstreamError: The model failed, or wrote nothing.
        """
        sources = await self._threads.run(pack, turn.hits, budget=self._settings.context_tokens, count=count_tokens)
        prompt = self._prompts.render(turn.prompt, {"sources": written(sources), "question": turn.standalone})
        turn.sources, turn.rendered_sha256 = sources, sha256(prompt)
        turn.parameters = {
            "max_tokens": self._settings.llm_max_tokens,
            "context_tokens": self._settings.context_tokens,
        }
        request = ChatRequest(messages=(Message(role="user", text=prompt),), question=turn.standalone, sources=sources)
        since = time.perf_counter()
        async with (
            aclosing(deltas(self._chat, request)) as pieces,
            aclosing(reply.read(pieces, sources=len(sources))) as parts,
        ):
            async for part in parts:
                turn.usage += [part.usage] if part.usage else []
                if part.text:
                    if not turn.text:
                        turn.passed("first_token", since)
                    turn.text += part.text
                    yield Token(text=part.text)
                for resolved in await self._checked(turn, part.closed, sources):
                    for cited in resolved.cited:
                        yield cited
                    yield resolved.verified
                if part.declined:
                    turn.reason = "no_evidence"
        turn.passed("generate", since)
        if not turn.text and turn.reason is None:
            raise UpstreamError(f"{self._chat.name!r} wrote nothing.", hint="Ask again.")
        if not turn.citations and reply.declines(turn.text):
            turn.reason = "no_evidence"

    async def _checked(self, turn: Turn, closed: Sequence[Sentence], sources: Sequence[Hit]) -> list[Resolved]:
        if not closed:
            return []
        since = time.perf_counter()
        found = await self._threads.run(lambda: [resolve(sentence, sources) for sentence in closed])
        turn.passed("check", since)
        for resolved in found:
            turn.verdicts.append(resolved.verified)
            turn.citations += [cited.citation for cited in resolved.cited if cited.citation not in turn.citations]
        return found
