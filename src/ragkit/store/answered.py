"""What ties answers to the documents that they were made from, and takes the text out of them when one is erased.

Whoever locks both, locks documents before conversations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, union, update

from ragkit.store.batches import batches
from ragkit.store.feedback import feedback
from ragkit.store.tables import answered_from, answers, conversations, documents, messages

__all__ = [
    "ERASED",
    "are_there",
    "erased",
    "erasures",
    "forget_answers",
    "forget_ties",
    "keep_ties",
    "lock_conversations",
]

ERASED = "[Erased with a document that it was made from.]"


def are_there(connection: Connection, document_ids: Collection[str]) -> bool:
    """Whether all of these documents exist, and go on existing until the transaction ends."""
    query = select(documents.c.id).where(documents.c.id.in_(document_ids)).order_by(documents.c.id)
    return set(connection.scalars(query.with_for_update(read=True, key_share=True))) == set(document_ids)


def keep_ties(connection: Connection, trace_id: str, document_ids: Collection[str]) -> None:
    """Note which documents an answer was made from."""
    rows = [{"trace_id": trace_id, "document_id": key} for key in sorted(set(document_ids))]
    if rows:
        connection.execute(insert(answered_from), rows)


def forget_ties(connection: Connection, trace_ids: Sequence[str]) -> None:
    """Drop the notes on those of these answers that are gone with every copy."""
    message = select(messages.c.id).where(messages.c.trace_id == answered_from.c.trace_id).exists()
    record = select(answers.c.id).where(answers.c.id == answered_from.c.trace_id).exists()
    for batch in batches(trace_ids):
        mine = answered_from.c.trace_id.in_(batch)
        connection.execute(delete(answered_from).where(mine, ~message, ~record))


def lock_conversations(connection: Connection, which: Select[Any]) -> list[str]:
    """Lock the conversations with the ids that a query gives, among them those that come up meanwhile.

    Nothing can be said in them, and they cannot be branched or deleted, until the transaction ends.
    """
    query = select(conversations.c.id).where(conversations.c.id.in_(which)).order_by(conversations.c.id)
    held: list[str] = []
    while len(found := list(connection.scalars(query.with_for_update()))) > len(held):
        held = found
    return held


def forget_answers(connection: Connection, document_ids: Collection[str]) -> None:
    """Take the text out of every answer that was made from the documents, of its copies, and of what leans on it.

    An answer that cites none of them may name their titles. The stand-alone form of a later question may have its
    words from the answer, and what was said of it may, too.
    """
    made = select(answered_from.c.trace_id).where(answered_from.c.document_id.in_(document_ids))
    theirs = union(
        select(messages.c.conversation_id).where(messages.c.trace_id.in_(made)),
        select(answers.c.conversation_id).where(answers.c.id.in_(made)),
    )
    spoken = feedback.c.answer_id.in_(made)
    connection.execute(update(feedback).where(spoken).values(comment="", correction=""))
    touched = lock_conversations(connection, select(theirs.subquery().c.conversation_id))
    mine = (messages.c.role == "assistant") & messages.c.trace_id.in_(made)
    connection.execute(update(messages).where(mine).values(text=ERASED))
    gone = set(connection.scalars(made))
    for conversation_id in touched:
        keys = connection.scalars(select(answers.c.id).where(answers.c.conversation_id == conversation_id)).all()
        for key in keys:
            trace = connection.execute(select(answers.c.trace).where(answers.c.id == key)).scalar_one()
            kept = erased(trace) if key in gone else as_asked(trace)
            connection.execute(update(answers).where(answers.c.id == key).values(trace=kept))
    connection.execute(delete(answered_from).where(answered_from.c.trace_id.in_(made)))


def erasures(connection: Connection, conversation_id: str) -> int:
    """How many answers of a conversation were erased."""
    mine = (messages.c.conversation_id == conversation_id) & (messages.c.text == ERASED)
    return connection.execute(select(func.count()).where(mine)).scalar_one()


def as_asked(trace: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an answer, as JSON, without what its question has from earlier answers."""
    return {**trace, "standalone_question": trace["question"], "query": ""}


def erased(trace: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an answer, as JSON, without what it has from documents."""
    answer = {**trace["answer"], "answer": ERASED, "citations": []}
    return {**as_asked(trace), "sources": [], "verdicts": [], "answer": answer}
