"""Stored conversations: what was said, branching off, and forgetting."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Row, Select, delete, func, insert, literal, select, union, update

from ragkit.errors import InputError, NotAllowed, NotFound, StorageError
from ragkit.recorded import Conversation, ConversationView, Forgotten, Said, read_place
from ragkit.store.answered import erasures, forget_ties, lock_conversations
from ragkit.store.engine import Database, now
from ragkit.store.tables import answers, conversations, messages
from ragkit.types import Message

__all__ = ["Conversations", "SoFar", "carried", "new_id"]

MOST_CARRIED, CARRIED_CHARS = 40, 8_000
"""What is read of a history that its asker keeps: so many messages, the newest, and the beginning of each."""
TITLE_CHARS = 80
"""The most of a first question that stands for a title."""

LAST = 50
"""Messages that a follow-up question may lean on; a prompt has room for fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """A conversation as the answer path needs it."""

    id: str
    messages: tuple[Message, ...] = ()
    """What was said last, oldest first."""
    last_question: str | None = None
    """The newest question, in its stand-alone form."""
    collection: str | None = None
    """Where its questions are looked for; none in a new one."""
    erasures: int = 0
    """How many of its answers went with a document that they were made from."""


def new_id() -> str:
    return f"conv_{secrets.token_hex(16)}"


def carried(history: Sequence[Message]) -> SoFar:
    """A new conversation that goes on from what was said elsewhere, of which nothing is kept."""
    said = [message for message in history if message.role != "system" and message.text.strip()][-MOST_CARRIED:]
    asked = [message.text for message in said if message.role == "user"]
    return SoFar(
        id=new_id(),
        messages=tuple(replace(message, text=message.text[:CARRIED_CHARS]) for message in said),
        last_question=asked[-1][:CARRIED_CHARS] if asked else None,
    )


class Conversations:
    """Over the tables `conversations` and `messages`. A caller sees its own, an operator (none) every one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def so_far(self, conversation_id: str, *, caller: str | None = None) -> SoFar:
        """What was said in it last, for who goes on with it.

        Raises:
            NotFound: There is no such conversation.
            NotAllowed: It belongs to a caller, who would read an answer that was made from what others may see.
        """
        with self._database.read() as connection:
            found = _find(connection, conversation_id, caller)
            if found.owner != caller:
                raise NotAllowed(
                    f"The conversation {conversation_id!r} belongs to another caller.",
                    hint=f"Go on in a copy: `ragkit conversations branch {conversation_id} MESSAGE`.",
                )
            newest_first = select(messages).where(messages.c.conversation_id == conversation_id)
            newest_first = newest_first.order_by(messages.c.id.desc()).limit(LAST)
            said = list(reversed(connection.execute(newest_first).all()))
            last = said[-1].trace_id if said else None
            gone = erasures(connection, conversation_id)
            newest = connection.execute(select(answers.c.trace).where(answers.c.id == last)).scalar_one_or_none()
        return SoFar(
            id=conversation_id,
            messages=tuple(Message(role=row.role, text=row.text) for row in said if row.text),
            last_question=(newest["standalone_question"] if newest else _last_asked(said)) or None,
            collection=found.collection,
            erasures=gone,
        )

    def list(
        self, *, limit: int = 50, before: str | None = None, caller: str | None = None
    ) -> tuple[Conversation, ...]:
        """Those last answered in first.

        Args:
            limit: How many at most.
            before: Go on after this `Conversation.place`, or after the one with this id where it stands now.
            caller: Whose.

        Raises:
            NotFound: There is no conversation `before`.
            InputError: That is no place.
        """
        at = conversations.c.updated_at
        query = _conversations(caller).order_by(at.desc(), conversations.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            if before is not None:
                last, moment = read_place(before)
                moment = moment or _find(connection, last, caller).updated_at
                query = query.where((at < moment) | ((at == moment) & (conversations.c.id < last)))
            return tuple(_conversation(row) for row in connection.execute(query))

    def show(self, conversation_id: str, *, caller: str | None = None) -> ConversationView:
        """A conversation with its messages.

        Raises:
            NotFound: There is no such conversation.
        """
        with self._database.read() as connection:
            found = _find(connection, conversation_id, caller)
            said = connection.execute(_said(conversation_id)).all()
        return ConversationView(conversation=_conversation(found), messages=tuple(map(_message, said)))

    def rename(self, conversation_id: str, title: str, *, caller: str | None = None) -> Conversation:
        """Give it a title.

        Raises:
            NotFound: There is no such conversation.
            InputError: The title is empty.
        """
        if not title.strip():
            raise InputError("The title is empty.", hint="Name the conversation in a few words.")
        with self._database.write() as connection:
            _find(connection, conversation_id, caller)
            mine = conversations.c.id == conversation_id
            connection.execute(update(conversations).where(mine).values(title=title.strip()))
            return _conversation(_find(connection, conversation_id, caller))

    def branch(self, conversation_id: str, message_id: int, *, caller: str | None = None) -> Conversation:
        """A new conversation with what was said up to a message; a question is left out, to be asked in other words.

        It belongs to who branches.

        Raises:
            NotFound: There is no such conversation, or no such message in it.
        """
        key, moment = new_id(), now()
        with self._database.write() as connection:
            lock_conversations(connection, select(literal(conversation_id)))
            origin = _find(connection, conversation_id, caller)
            said = connection.execute(_said(conversation_id)).all()
            at = next((index for index, row in enumerate(said) if row.id == message_id), None)
            if at is None:
                raise NotFound(
                    f"The conversation {conversation_id!r} has no message {message_id}.",
                    hint=f"`ragkit conversations show {conversation_id}` shows their numbers.",
                )
            kept = said[: at if said[at].role == "user" else at + 1]
            values = {"collection": origin.collection, "owner": caller, "title": origin.title}
            values |= {"branch_of": conversation_id, "created_at": moment, "updated_at": moment}
            connection.execute(insert(conversations).values(id=key, **values))
            if kept:
                columns = ("role", "text", "trace_id", "created_at")
                rows = [{name: getattr(row, name) for name in columns} | {"conversation_id": key} for row in kept]
                connection.execute(insert(messages), rows)
            return _conversation(_find(connection, key, caller))

    def question(self, conversation_id: str, message_id: int, *, caller: str | None = None) -> Said:
        """A question of it.

        Raises:
            NotFound: There is no such conversation, or no such message in it.
            InputError: The message is no question.
        """
        with self._database.read() as connection:
            _find(connection, conversation_id, caller)
            row = connection.execute(_said(conversation_id).where(messages.c.id == message_id)).one_or_none()
        if row is None:
            raise NotFound(f"The conversation {conversation_id!r} has no message {message_id}.")
        if row.role != "user":
            raise InputError(f"Message {message_id} is an answer; only questions can be asked anew.")
        return _message(row)

    def delete(self, conversation_id: str, *, branches: bool = False, caller: str | None = None) -> Forgotten:
        """Forget it: its messages, answers and their records are erased, and SQLite's log is emptied.

        A branch that stays hangs from then on where the forgotten one hung.

        Args:
            conversation_id: Which.
            branches: Also those that began as a copy of it, and theirs, as far as the caller sees them.
            caller: Whose.

        Raises:
            NotFound: There is no such conversation.
            StorageError: It is deleted, but the log could not be emptied, as somebody reads.
        """
        with self._database.write() as connection:
            origin = _find(connection, conversation_id, caller)
            tree = _descendants(conversation_id, caller)
            lock_conversations(connection, tree)
            family = set(connection.scalars(tree))
            if conversation_id not in family:
                raise _missing(conversation_id)
            gone = sorted(family) if branches else [conversation_id]
            counts = _delete(connection, gone)
            left = conversations.c.branch_of.in_(gone)
            connection.execute(update(conversations).where(left).values(branch_of=origin.branch_of))
        if not self._database.checkpoint():
            raise StorageError(
                f"The conversation {conversation_id!r} is deleted, but somebody reads, and a log still holds it.",
                hint="It is emptied by the next deletion, or when ragkit stops.",
            )
        return Forgotten(
            conversation_ids=tuple(gone),
            messages=counts[0],
            answers=counts[1],
            branches=tuple(sorted(family.difference(gone))),
            deleted_at=now(),
        )


def _last_asked(said: Sequence[Row[Any]]) -> str | None:
    """Where no record has its stand-alone form: as it was asked."""
    return next((row.text for row in reversed(said) if row.role == "user" and row.text), None)


def _descendants(conversation_id: str, caller: str | None) -> Select[Any]:
    """The ids of a conversation and of all that branched from it, at any remove, as far as the caller sees them."""
    at, below = conversations.alias(), conversations.alias()
    tree = select(at.c.id, at.c.owner).where(at.c.id == conversation_id).cte("tree", recursive=True)
    tree = tree.union(select(below.c.id, below.c.owner).where(below.c.branch_of == tree.c.id))
    return select(tree.c.id) if caller is None else select(tree.c.id).where(tree.c.owner == caller)


def _delete(connection: Connection, gone: Sequence[str]) -> list[int]:
    """Delete conversations; returns how many messages and answers they had."""
    of_messages = select(messages.c.trace_id).where(messages.c.conversation_id.in_(gone))
    of_records = select(answers.c.id).where(answers.c.conversation_id.in_(gone))
    traces = [key for key in connection.scalars(union(of_messages, of_records)) if key]
    counts = []
    for table in (messages, answers):
        done = connection.execute(delete(table).where(table.c.conversation_id.in_(gone)))
        counts.append(cast("CursorResult[Any]", done).rowcount)
    connection.execute(delete(conversations).where(conversations.c.id.in_(gone)))
    forget_ties(connection, traces)
    return counts


def _said(conversation_id: str) -> Select[Any]:
    return select(messages).where(messages.c.conversation_id == conversation_id).order_by(messages.c.id)


def _conversations(caller: str | None) -> Select[Any]:
    mine = messages.c.conversation_id == conversations.c.id
    count = select(func.count()).where(mine).scalar_subquery()
    first = select(messages.c.text).where(mine, messages.c.role == "user").order_by(messages.c.id).limit(1)
    query = select(conversations, count.label("messages"), first.scalar_subquery().label("first"))
    return query if caller is None else query.where(conversations.c.owner == caller)


def _find(connection: Connection, conversation_id: str, caller: str | None) -> Row[Any]:
    row = connection.execute(_conversations(caller).where(conversations.c.id == conversation_id)).one_or_none()
    if row is None:
        raise _missing(conversation_id)
    return row


def _missing(conversation_id: str) -> NotFound:
    return NotFound(
        f"There is no conversation {conversation_id!r}.",
        hint="`ragkit conversations list` shows them; leave conversation_id out to begin a new one.",
    )


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        title=row.title or " ".join((row.first or "").split())[:TITLE_CHARS],
        collection=row.collection,
        messages=row.messages,
        created_at=row.created_at,
        updated_at=row.updated_at or row.created_at,
        branch_of=row.branch_of,
    )


def _message(row: Row[Any]) -> Said:
    return Said(
        id=row.id, message=Message(role=row.role, text=row.text), trace_id=row.trace_id, created_at=row.created_at
    )
