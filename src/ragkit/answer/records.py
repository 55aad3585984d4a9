"""Conversations and the record of every answer, each answer in one transaction with its messages."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import insert, select

from ragkit.errors import NotFound
from ragkit.store.engine import Database, now
from ragkit.store.tables import answers, conversations, messages
from ragkit.types import Message, Trace

__all__ = ["Conversation", "Records"]

_TRACE: TypeAdapter[Trace] = TypeAdapter(Trace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What was said so far, oldest first."""

    id: str
    messages: tuple[Message, ...]
    last_question: str | None
    """The newest question, in its stand-alone form."""


class Records:
    """Over the tables `conversations`, `messages` and `answers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def conversation(self, conversation_id: str) -> Conversation:
        """Everything said in it.

        Raises:
            NotFound: There is no such conversation.
        """
        with self._database.read() as connection:
            if not connection.execute(select(conversations.c.id).where(conversations.c.id == conversation_id)).first():
                raise NotFound(
                    f"There is no conversation {conversation_id!r}.",
                    hint="Leave conversation_id out to begin a new one.",
                )
            said = connection.execute(
                select(messages.c.role, messages.c.text)
                .where(messages.c.conversation_id == conversation_id)
                .order_by(messages.c.id)
            ).all()
            newest = connection.execute(
                select(answers.c.trace)
                .where(answers.c.conversation_id == conversation_id)
                .order_by(answers.c.created_at.desc())
                .limit(1)
            ).scalar_one_or_none()
        return Conversation(
            id=conversation_id,
            messages=tuple(Message(role=role, text=text) for role, text in said),
            last_question=newest["standalone_question"] if newest else None,
        )

    def save(self, trace: Trace) -> None:
        """Record an answer, its question and, when it is the first, its conversation: all or nothing."""
        conversation_id = trace.answer.conversation_id
        said = [("user", trace.question), ("assistant", trace.answer.answer)]
        with self._database.write() as connection:
            known = connection.execute(select(conversations.c.id).where(conversations.c.id == conversation_id)).first()
            if not known:
                connection.execute(
                    insert(conversations).values(id=conversation_id, collection=trace.collection, created_at=now())
                )
            connection.execute(
                insert(messages),
                [
                    {"conversation_id": conversation_id, "role": role, "text": text, "created_at": now()}
                    for role, text in said
                ],
            )
            connection.execute(
                insert(answers).values(
                    id=trace.id,
                    conversation_id=conversation_id,
                    trace=_TRACE.dump_python(trace, mode="json"),
                    took_ms=trace.answer.took_ms,
                    created_at=trace.created_at,
                )
            )

    def trace(self, trace_id: str) -> Trace:
        """The record of one answer.

        Raises:
            NotFound: There is no such answer.
        """
        with self._database.read() as connection:
            stored = connection.execute(select(answers.c.trace).where(answers.c.id == trace_id)).scalar_one_or_none()
        if stored is None:
            raise NotFound(f"There is no answer {trace_id!r}.")
        return _TRACE.validate_python(stored)
