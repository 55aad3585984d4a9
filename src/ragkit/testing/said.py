"""The conversations and answers of `MemoryRagkit`, in a list of records."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ragkit.errors import NotFound
from ragkit.recorded import (
    AnswerDiff,
    AnswerSummary,
    Conversation,
    ConversationView,
    Forgotten,
    Replay,
    Said,
    Trace,
)
from ragkit.types import Answer, Message

__all__ = ["MemoryAnswers", "MemoryConversations"]

THEN = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryConversations:
    """Messages by conversation.

    Args:
        ask: Answers an edited question.
    """

    def __init__(self, ask: Callable[..., Awaitable[Answer]]) -> None:
        self._ask = ask
        self._views: dict[str, ConversationView] = {}
        self._ids = itertools.count(1)

    def record(self, collection: str, trace: Trace) -> None:
        """Add a question and its answer."""
        key = trace.answer.conversation_id
        if key not in self._views:
            self._views[key] = ConversationView(
                conversation=_conversation(key, collection, trace.question), messages=()
            )
        said = (Message(role="user", text=trace.question), Message(role="assistant", text=trace.answer.answer))
        self._add(key, [Said(id=next(self._ids), message=one, trace_id=trace.id, created_at=THEN) for one in said])

    async def list(self, *, limit: int = 50, before: str | None = None) -> tuple[Conversation, ...]:
        found = [view.conversation for view in reversed(self._views.values())]
        last = None if before is None else (await self.show(before.partition("@")[0])).conversation.id
        start = 0 if last is None else [one.id for one in found].index(last) + 1
        return tuple(found[start : start + limit])

    async def show(self, conversation_id: str) -> ConversationView:
        if conversation_id not in self._views:
            raise NotFound(f"There is no conversation {conversation_id!r}.")
        return self._views[conversation_id]

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        view = await self.show(conversation_id)
        self._views[conversation_id] = replace(view, conversation=replace(view.conversation, title=title))
        return self._views[conversation_id].conversation

    async def branch(self, conversation_id: str, message_id: int) -> Conversation:
        view = await self.show(conversation_id)
        kept = [said for said in view.messages if said.id <= message_id]
        if not kept or kept[-1].id != message_id:
            raise NotFound(f"There is no message {message_id}.")
        key = f"con_branch_{next(self._ids)}"
        origin = replace(view.conversation, id=key, branch_of=conversation_id, messages=0)
        self._views[key] = ConversationView(conversation=origin, messages=())
        self._add(key, kept if kept[-1].message.role == "assistant" else kept[:-1])
        return self._views[key].conversation

    async def edit(self, conversation_id: str, message_id: int, question: str) -> Answer:
        branch = await self.branch(conversation_id, message_id)
        return await self._ask(question, collection=branch.collection, conversation_id=branch.id)

    async def delete(self, conversation_id: str, *, branches: bool = False) -> Forgotten:
        await self.show(conversation_id)
        inside = tuple(key for key, view in self._views.items() if view.conversation.branch_of == conversation_id)
        gone = (conversation_id, *(inside if branches else ()))
        messages = sum(len(self._views.pop(key).messages) for key in gone)
        left = () if branches else inside
        return Forgotten(
            conversation_ids=gone, messages=messages, answers=messages // 2, branches=left, deleted_at=THEN
        )

    def _add(self, key: str, said: Sequence[Said]) -> None:
        view = self._views[key]
        messages = (*view.messages, *said)
        self._views[key] = ConversationView(
            conversation=replace(view.conversation, messages=len(messages)), messages=messages
        )


class MemoryAnswers:
    """Records in a dictionary; a replay gives the same again."""

    def __init__(self) -> None:
        self._traces: dict[str, Trace] = {}

    def record(self, trace: Trace) -> None:
        """Keep it."""
        self._traces[trace.id] = trace

    async def list(
        self, *, conversation_id: str | None = None, limit: int = 50, before: str | None = None
    ) -> tuple[AnswerSummary, ...]:
        found = [
            one for one in reversed(self._traces.values()) if conversation_id in {None, one.answer.conversation_id}
        ]
        start = 0 if before is None else [one.id for one in found].index((await self.show(before)).id) + 1
        return tuple(_summary(one) for one in found[start : start + limit])

    async def show(self, answer_id: str) -> Trace:
        if answer_id not in self._traces:
            raise NotFound(f"There is no answer {answer_id!r}.")
        return self._traces[answer_id]

    async def suggest(self, answer_id: str, *, limit: int = 3) -> tuple[str, ...]:
        titles = dict.fromkeys(one.title for one in (await self.show(answer_id)).answer.citations)
        return tuple(f"What else does {title!r} say?" for title in titles)[:limit]

    async def replay(
        self, answer_id: str, *, prompt: str | None = None, model: str | None = None, generation: int | None = None
    ) -> Replay:
        first = await self.show(answer_id)
        again = replace(first, id=f"{answer_id}_again", replay_of=answer_id)
        self.record(again)
        return Replay(trace=again, diff=await self.diff(answer_id, again.id))

    async def diff(self, a: str, b: str) -> AnswerDiff:
        before, after = await self.show(a), await self.show(b)
        answers = (before.answer, after.answer)
        return AnswerDiff(
            a=a,
            b=b,
            same_question=before.question == after.question,
            text="" if answers[0].answer == answers[1].answer else f"-{answers[0].answer}\n+{answers[1].answer}",
            citations_added=(),
            citations_removed=(),
            verdicts=({}, {}),
            abstained=(answers[0].abstained, answers[1].abstained),
            model=(answers[0].model, answers[1].model),
            prompt=(str(before.answer.prompt), str(after.answer.prompt)),
            generation=(before.generation, after.generation),
            rendered_alike=True,
            hits_shared=1.0,
            tokens=(0, 0),
            cost_usd=(0.0, 0.0),
            took_ms=(0.0, 0.0),
        )


def _conversation(key: str, collection: str, title: str) -> Conversation:
    return Conversation(id=key, title=title, collection=collection, messages=0, created_at=THEN, updated_at=THEN)


def _summary(trace: Trace) -> AnswerSummary:
    answer = trace.answer
    return AnswerSummary(
        id=trace.id,
        conversation_id=answer.conversation_id,
        collection=trace.collection,
        question=trace.question,
        model=answer.model,
        prompt=str(answer.prompt),
        abstained=answer.abstained,
        reason=answer.reason,
        verdicts={"supported": len(answer.citations)} if answer.citations else {},
        cost_usd=0.0,
        took_ms=0.0,
        created_at=trace.created_at,
        replay_of=trace.replay_of,
    )
