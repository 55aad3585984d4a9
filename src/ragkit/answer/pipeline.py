"""The answer path: from a question to events, the last of which carries the whole answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ragkit.answer.abstain import Judge, Judgement, refusal
from ragkit.answer.conversations import Conversations, SoFar, carried
from ragkit.answer.ports import Prompts, Search, Sections
from ragkit.answer.records import Records
from ragkit.answer.standalone import Rewriter
from ragkit.answer.turn import Turn
from ragkit.answer.writing import Writer
from ragkit.errors import InputError, RagkitError, TooLarge, error_for
from ragkit.events import Accepted, Done, Event, Failed, Retrieved, Token
from ragkit.opinions import Checker
from ragkit.protocols import ChatModel
from ragkit.reader import Reader
from ragkit.recorded import Trace
from ragkit.settings import Settings
from ragkit.threads import Threads
from ragkit.types import Answer, Filters, Message

__all__ = ["Answerer", "checked_question", "last_answer"]

CANDIDATES = 12
"""Passages that are searched for one question."""


class Answerer:
    """Answers questions; keeps no state between them.

    Args:
        search: Finds passages.
        generation: The number of a collection's current generation; raises NotFound where there is no such collection.
        chat: Writes the answer.
        prompts: Where the prompts `answer` and `condense` come from.
        sections: Tells what stands around what was found.
        conversations: Where what was said is kept.
        records: Where answers are recorded.
        reader: Reads question and passages, to judge whether they hold an answer.
        settings: Limits and budgets.
        threads: For blocking work; of its own when they are not given.
        least: From which probability on a collection is answered from; none where it was not tuned.
        checker: A stronger check of sentences, beside the built-in one.
    """

    def __init__(
        self,
        *,
        search: Search,
        generation: Callable[[str], int],
        chat: ChatModel,
        prompts: Prompts,
        sections: Sections,
        conversations: Conversations,
        records: Records,
        reader: Reader,
        settings: Settings,
        threads: Threads | None = None,
        least: Callable[[str], float | None] = lambda collection: None,
        checker: Checker | None = None,
    ) -> None:
        self._search = search
        self._generation = generation
        self._chat = chat
        self._prompts = prompts
        self._conversations = conversations
        self._records = records
        self._judge = Judge(reader)
        self._least = least
        self._settings = settings
        self._threads = threads or Threads(settings.threads)
        writing: dict[str, Any] = {"chat": chat, "prompts": prompts, "settings": settings, "threads": self._threads}
        self._rewriter = Rewriter(**writing)
        self._writer = Writer(reader=reader, sections=sections, checker=checker, **writing)

    async def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        conversation_id: str | None = None,
        prompt: str | None = None,
        filters: Filters | None = None,
        access: tuple[str, ...] | None = None,
        mmr: float | None = None,
        caller: str | None = None,
        history: Sequence[Message] = (),
    ) -> AsyncGenerator[Event]:
        """Answer, event by event; closing the iterator cancels the model's call, and nothing is recorded.

        The texts of the `Token` events make up the answer's text exactly. What is raised is raised before the first
        event; a later failure is a `Failed` event, which is then the last.

        Raises:
            InputError: The question or the prompt cannot be used.
            NotFound: There is no such collection, conversation or prompt.
        """
        began = time.perf_counter()
        conversation = carried(history)
        question = checked_question(question, self._settings.max_question_chars)
        if conversation_id is not None:
            if history:
                raise InputError("A history is for questions outside a conversation.", hint="Leave one of the two out.")
            conversation = await self._threads.run(self._conversations.so_far, conversation_id, caller=caller)
        where = collection or conversation.collection or self._settings.collection
        turn = await self._begin(question, where, conversation, prompt, began=began)
        turn.filters, turn.access, turn.mmr, turn.caller = filters, access, mmr, caller
        async with aclosing(self._events(turn)) as events:
            async for event in events:
                yield event

    async def replay(
        self,
        trace: Trace,
        *,
        prompt: str | None = None,
        generation: int | None = None,
        caller: str | None = None,
    ) -> Trace:
        """Ask again what was asked, as it was rewritten then, and record the answer beside the first.

        Args:
            trace: The record of the answer.
            prompt: Another prompt; by default the same version.
            generation: The number of the one that is searched, where it is not that which answers now.
            caller: Who asks.

        Raises:
            InputError: The texts of the answer were not kept.
            RagkitError: As for `stream`.
        """
        if not trace.with_texts:
            raise InputError(
                f"The answer {trace.id!r} was recorded without its question.",
                hint="RAGKIT_STORE_TEXTS=true keeps the texts of what is asked from then on.",
            )
        ref = prompt or str(trace.answer.prompt)
        trace, conversation = await self._threads.run(self._records.again, trace.id)
        turn = await self._begin(trace.question, trace.collection, conversation, ref, began=time.perf_counter())
        turn.filters, turn.access, turn.mmr, turn.caller = trace.filters, trace.access, trace.mmr, caller
        turn.generation = generation or turn.generation
        turn.standalone, turn.replay_of = trace.standalone_question, trace.id
        turn.query = trace.query or trace.standalone_question
        again = await last_answer(self._events(turn))
        kept = await self._threads.run(self._records.trace, again.trace_id, caller=caller)
        return kept if kept.with_texts else replace(turn.trace(again), created_at=kept.created_at)

    async def _events(self, turn: Turn) -> AsyncGenerator[Event]:
        yield Accepted(trace_id=turn.trace_id, conversation_id=turn.conversation.id)
        try:
            async with aclosing(self._stages(turn)) as events:
                async for event in events:
                    yield event
        except RagkitError as error:
            used = turn.used()
            yield Failed(code=error.code, detail=error.detail, hint=error.hint, trace_id=turn.trace_id, usage=used)

    async def _begin(
        self, question: str, collection: str, conversation: SoFar, prompt: str | None, *, began: float
    ) -> Turn:
        return Turn(
            question=question,
            collection=collection,
            conversation=conversation,
            prompt=await self._threads.run(self._prompts.resolve, prompt or "answer", like="answer"),
            generation=await self._threads.run(self._generation, collection),
            model=self._chat.name,
            trace_id=secrets.token_hex(16),
            began=began,
        )

    def _judged(self, turn: Turn) -> Judgement:
        return self._judge.judge(turn.standalone, turn.hits, least=self._least(turn.collection))

    async def _stages(self, turn: Turn) -> AsyncGenerator[Event]:
        if not turn.standalone:
            await self._rewriter.rewrite(turn)
        since = time.perf_counter()
        found = await self._search(
            turn.query,
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
        judged = await self._threads.run(self._judged, turn)
        turn.reason, turn.evidence = judged.reason, judged.evidence
        turn.passed("check", since)
        if turn.reason is None:
            async with aclosing(self._writer.write(turn)) as events:
                async for event in events:
                    yield event
        if turn.reason is not None and not turn.text:
            turn.text = refusal(turn.question, turn.hits, turn.reason)
            yield Token(text=turn.text)
        answer = turn.answer()
        how: dict[str, Any] = {"since": turn.since, "documents": turn.documents}
        await self._threads.run(self._records.save, turn.trace(answer), caller=turn.caller, **how)
        yield Done(answer=answer, stages_ms=dict(turn.stages_ms))


def checked_question(question: str, longest: int) -> str:
    """A question without white space around it.

    Raises:
        InputError: It is empty.
        TooLarge: It has more than so many characters.
    """
    question = question.strip()
    if not question:
        raise InputError("The question is empty.", hint="Ask something.")
    if len(question) > longest:
        raise TooLarge(
            f"The question has {len(question):,} characters; the limit is {longest:,}.",
            hint="Shorten it, or raise RAGKIT_MAX_QUESTION_CHARS.",
        )
    return question


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
