"""The answer path: from a question to events, the last of which carries the whole answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Protocol, TypeVar, cast

import anyio
import anyio.to_thread

from ragkit.answer import history, reply
from ragkit.answer.abstain import Judge, refusal
from ragkit.answer.citations import Resolved, resolve
from ragkit.answer.context import pack, written
from ragkit.answer.markers import Sentence
from ragkit.answer.records import Conversation, Records
from ragkit.answer.turn import Turn
from ragkit.errors import InputError, RagkitError, TooLarge, UpstreamError, error_for
from ragkit.events import Accepted, Done, Event, Failed, Retrieved, Token
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.tokens import count_tokens
from ragkit.types import Answer, Filters, Hit, Message, Mode, PromptVersion, SearchResult

__all__ = ["Answerer", "Prompts", "Search", "last_answer"]

CANDIDATES = 12
"""Passages that are searched for one question."""
CONDENSED_TOKENS = 200
"""Longest stand-alone question that a model may write."""

T = TypeVar("T")


class Search(Protocol):
    """Finds passages."""

    async def __call__(
        self,
        query: str,
        *,
        collection: str,
        k: int,
        mode: Mode,
        filters: Filters | None,
        access: tuple[str, ...] | None,
        mmr: float | None,
    ) -> SearchResult: ...


class Prompts(Protocol):
    """Where prompts come from."""

    def resolve(self, reference: str, *, like: str | None = None) -> PromptVersion: ...

    def render(self, prompt: PromptVersion, values: Mapping[str, str]) -> str: ...


class Answerer:
    """Answers questions; keeps no state between them.

    Args:
        search: Finds passages.
        generation: The number of a collection's current generation; raises NotFound where there is no such collection.
        chat: Writes the answer.
        prompts: Where the prompts `answer` and `condense` come from.
        records: Where conversations and answers are kept.
        reader: Reads question and passages, to judge whether they hold an answer.
        settings: Limits and budgets.
        limiter: Bounds the threads for blocking work.
    """

    def __init__(
        self,
        *,
        search: Search,
        generation: Callable[[str], int],
        chat: ChatModel,
        prompts: Prompts,
        records: Records,
        reader: Reader,
        settings: Settings,
        limiter: anyio.CapacityLimiter | None = None,
    ) -> None:
        self._search = search
        self._generation = generation
        self._chat = chat
        self._prompts = prompts
        self._records = records
        self._judge = Judge(reader)
        self._settings = settings
        self._limiter = limiter

    async def stream(
        self,
        question: str,
        *,
        collection: str,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        access: tuple[str, ...] | None = None,
        mmr: float | None = None,
    ) -> AsyncGenerator[Event]:
        """Answer, event by event; closing the iterator cancels the model's call, and nothing is recorded.

        The texts of the `Token` events make up the answer's text exactly. What is raised is raised before the first
        event; a later failure is a `Failed` event, which is then the last.

        Raises:
            InputError: The question or the prompt cannot be used.
            NotFound: There is no such collection, conversation or prompt.
        """
        turn = await self._begin(question, collection, conversation_id, prompt)
        turn.filters, turn.access, turn.mmr = filters, access, mmr
        yield Accepted(trace_id=turn.trace_id, conversation_id=turn.conversation.id)
        try:
            async with aclosing(self._stages(turn)) as events:
                async for event in events:
                    yield event
        except RagkitError as error:
            yield Failed(code=error.code, detail=error.detail, hint=error.hint, trace_id=turn.trace_id)

    async def _begin(self, question: str, collection: str, conversation_id: str | None, prompt: str | None) -> Turn:
        began = time.perf_counter()
        conversation = Conversation(id=f"conv_{secrets.token_hex(16)}", messages=(), last_question=None)
        question = self._checked_question(question)
        if conversation_id is not None:
            conversation = await self._in_thread(self._records.conversation, conversation_id)
        return Turn(
            question=question,
            collection=collection,
            conversation=conversation,
            prompt=await self._in_thread(partial(self._prompts.resolve, prompt or "answer", like="answer")),
            generation=await self._in_thread(self._generation, collection),
            model=self._chat.name,
            trace_id=secrets.token_hex(16),
            began=began,
        )

    def _checked_question(self, question: str) -> str:
        question = question.strip()
        limit = self._settings.max_question_chars
        if not question:
            raise InputError("The question is empty.", hint="Ask something.")
        if len(question) > limit:
            raise TooLarge(
                f"The question has {len(question):,} characters; the limit is {limit:,}.",
                hint="Shorten it, or raise RAGKIT_MAX_QUESTION_CHARS.",
            )
        return question

    async def _stages(self, turn: Turn) -> AsyncGenerator[Event]:
        turn.standalone = await self._standalone(turn)
        since = time.perf_counter()
        found = await self._search(
            turn.standalone,
            collection=turn.collection,
            k=CANDIDATES,
            mode="hybrid",
            filters=turn.filters,
            access=turn.access,
            mmr=turn.mmr,
        )
        turn.hits = found.hits
        turn.passed("retrieve", since)
        yield Retrieved(question=turn.standalone, hits=found.hits)

        since = time.perf_counter()
        turn.reason = await self._in_thread(self._judge.reason_to_abstain, turn.standalone, turn.hits)
        turn.passed("check", since)
        if turn.reason is None:
            async with aclosing(self._write(turn)) as events:
                async for event in events:
                    yield event
        if turn.reason is not None and not turn.text:
            turn.text = refusal(turn.hits)
            yield Token(text=turn.text)
        answer = turn.answer()
        await self._in_thread(self._records.save, turn.trace(answer))
        yield Done(answer=answer)

    async def _standalone(self, turn: Turn) -> str:
        """The question as it can be understood without the conversation."""
        said = turn.conversation.messages
        if not said:
            return turn.question
        if self._chat.name == "extractive":
            return history.standalone_by_rule(turn.question, turn.conversation.last_question)
        since = time.perf_counter()
        prompt = await self._in_thread(partial(self._prompts.resolve, "condense", like="condense"))
        text = self._prompts.render(prompt, {"history": history.transcript(said), "question": turn.question})
        written_so_far = ""
        request = ChatRequest(
            messages=(Message(role="user", text=text),), question=turn.question, max_tokens=CONDENSED_TOKENS
        )
        async with aclosing(self._deltas(request)) as deltas:
            async for delta in deltas:
                written_so_far += delta.text
                turn.usage += [delta.usage] if delta.usage else []
        turn.passed("condense", since)
        lines = written_so_far.strip().splitlines()
        return lines[0][: self._settings.max_question_chars] if lines else turn.question

    async def _write(self, turn: Turn) -> AsyncGenerator[Event]:
        """Let the model write, and check every sentence as it closes."""
        sources = await self._in_thread(
            partial(pack, turn.hits, budget=self._settings.context_tokens, count=count_tokens)
        )
        prompt = self._prompts.render(turn.prompt, {"sources": written(sources), "question": turn.standalone})
        request = ChatRequest(messages=(Message(role="user", text=prompt),), question=turn.standalone, sources=sources)
        since = time.perf_counter()
        async with (
            aclosing(self._deltas(request)) as deltas,
            aclosing(reply.read(deltas, sources=len(sources))) as parts,
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
        found = await self._in_thread(lambda: [resolve(sentence, sources) for sentence in closed])
        turn.passed("check", since)
        for resolved in found:
            turn.citations += [cited.citation for cited in resolved.cited if cited.citation not in turn.citations]
        return found

    def _deltas(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        # The port promises an iterator that can be closed: every implementation is an async generator.
        return cast("AsyncGenerator[ChatDelta]", self._chat.stream(request))

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        return await anyio.to_thread.run_sync(partial(call, *arguments), limiter=self._limiter)


async def last_answer(events: AsyncIterator[Event]) -> Answer:
    """Read a stream to its end.

    Raises:
        RagkitError: The stream failed; the class is the one that its `code` names.
    """
    async for event in events:
        if isinstance(event, Done):
            return event.answer
        if isinstance(event, Failed):
            raise error_for(event.code)(event.detail, hint=event.hint, trace_id=event.trace_id)
    raise RagkitError("The answer ended before it was complete.", hint="Ask again.")
