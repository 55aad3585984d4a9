"""Makes a follow-up question stand alone: by the model, or by rule where there is none."""

from __future__ import annotations

import time
from contextlib import aclosing

from ragkit.answer import history
from ragkit.answer.ports import Prompts, deltas
from ragkit.answer.turn import Turn
from ragkit.errors import UpstreamError
from ragkit.protocols import ChatModel, ChatRequest
from ragkit.settings import Settings
from ragkit.threads import Threads
from ragkit.tokens import count_tokens

__all__ = ["Rewriter"]

CONDENSED_TOKENS = 200
"""Longest stand-alone question that a model may write."""


class Rewriter:
    """Rewrites questions.

    Args:
        chat: Rewrites, if it is a model that writes.
        prompts: Where the prompt `condense` comes from.
        settings: Limits.
        threads: For blocking work.
    """

    def __init__(self, *, chat: ChatModel, prompts: Prompts, settings: Settings, threads: Threads) -> None:
        self._chat = chat
        self._prompts = prompts
        self._settings = settings
        self._threads = threads

    async def rewrite(self, turn: Turn) -> None:
        """Put into the turn the question as it is understood without the conversation, and what to search for."""
        said = turn.conversation.messages
        if said and self._chat.name == "extractive":
            _by_rule(turn)
            return
        try:
            turn.standalone = await self._by_model(turn) if said else turn.question
            turn.query = turn.standalone
        except UpstreamError:  # who writes the answer has a substitute, and this has the rule
            turn.spent(turn.so_far() if turn.so_far else None)
            _by_rule(turn)

    async def _by_model(self, turn: Turn) -> str:
        since = time.perf_counter()
        prompt = await self._threads.run(self._prompts.resolve, "condense", like="condense")
        said = history.transcript(turn.conversation.messages, budget=self._settings.history_tokens, count=count_tokens)
        messages = self._prompts.messages(prompt, {"history": said, "question": turn.question})
        written = ""
        request = ChatRequest(messages=messages, question=turn.question, max_tokens=CONDENSED_TOKENS)
        async with aclosing(deltas(self._chat, request)) as parts:
            async for part in parts:
                written += part.text
                turn.so_far = part.so_far or turn.so_far
                turn.spent(part.usage)
        turn.passed("condense", since)
        lines = written.strip().splitlines()
        return lines[0][: self._settings.max_question_chars] if lines else turn.question


def _by_rule(turn: Turn) -> None:
    before = [message.text for message in turn.conversation.messages if message.role == "user"]
    turn.query = history.search_query(turn.question, before[-1] if before else None)
    turn.standalone = history.standalone_by_rule(turn.question, turn.conversation.last_question)
