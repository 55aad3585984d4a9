"""Stored feedback: what people said of answers and of single citations."""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from ragkit.errors import InputError, NotFound
from ragkit.recorded import Complaint, Feedback, Rating
from ragkit.store.engine import Database, now
from ragkit.store.feedback import feedback
from ragkit.store.tables import answers, conversations

__all__ = ["FeedbackStore"]

WHOLE = -1
"""Stands for the citation where the answer is meant."""
NOBODY = ""
"""Stands for the owner where a caller has no name."""


class FeedbackStore:
    """Over the table `feedback`. A caller sees its own, an operator (none) every one.

    Args:
        database: The catalog.
        with_texts: Whether comments and corrections are kept.
    """

    def __init__(self, database: Database, *, with_texts: bool = True) -> None:
        self._database = database
        self._with_texts = with_texts

    def give(
        self,
        answer_id: str,
        rating: Rating,
        *,
        citation: int | None = None,
        reasons: Sequence[Complaint] = (),
        comment: str = "",
        correction: str = "",
        caller: str | None = None,
    ) -> Feedback:
        """Keep what a caller says of an answer, instead of what it said of the same before.

        Raises:
            NotFound: There is no such answer, or none that the caller may see.
            InputError: The answer has no such citation, or texts are not kept.
        """
        if (comment or correction) and not self._with_texts:
            raise InputError(
                "comment: this service keeps no texts of questions and answers.",
                hint="Rate without a comment and a correction, or set RAGKIT_STORE_TEXTS=true.",
            )
        at = WHOLE if citation is None else citation
        said = {"rating": rating, "reasons": sorted(set(reasons)), "comment": comment, "correction": correction}
        with self._database.write() as connection:
            cited = _citations(connection, answer_id, caller)
            if citation is not None and not 0 <= citation < cited:
                raise InputError(
                    f"citation: the answer has {cited} citations, and {citation} counts from 0.",
                    hint="Give the place of the citation in the answer's list.",
                )
            one = (feedback.c.answer_id == answer_id) & (feedback.c.citation == at)
            mine = one & (feedback.c.owner == (caller or NOBODY))
            key = connection.execute(select(feedback.c.id).where(mine)).scalar_one_or_none()
            if key is None:
                key = f"fb_{secrets.token_hex(16)}"
                about = {"id": key, "answer_id": answer_id, "owner": caller or NOBODY, "citation": at}
                connection.execute(insert(feedback).values(**about, **said, created_at=now(), updated_at=now()))
            else:
                connection.execute(update(feedback).where(mine).values(**said, updated_at=now()))
            return _find(connection, key, caller)

    def list(
        self,
        *,
        answer_id: str | None = None,
        rating: Rating | None = None,
        reason: Complaint | None = None,
        collections: Sequence[str] | None = None,
        limit: int = 50,
        before: str | None = None,
        caller: str | None = None,
    ) -> tuple[Feedback, ...]:
        """The newest first.

        Args:
            answer_id: Only what was said of this answer.
            rating: Only this.
            reason: Only what names it.
            collections: Only of answers from these.
            limit: How many at most.
            before: Go on after the one with this id.
            caller: Whose.

        Raises:
            NotFound: There is no feedback `before`.
        """
        at = feedback.c.created_at
        query = _of(caller).order_by(at.desc(), feedback.c.id.desc())
        for column, value in ((feedback.c.answer_id, answer_id), (feedback.c.rating, rating)):
            query = query if value is None else query.where(column == value)
        if collections is not None:
            query = query.where(conversations.c.collection.in_(collections))
        with self._database.read() as connection:
            if before is not None:
                last = _find(connection, before, caller)
                query = query.where((at < last.created_at) | ((at == last.created_at) & (feedback.c.id < last.id)))
            # A reason is not looked for in SQL: what JSON can be asked for differs between the databases.
            rows = connection.execute(query.limit(limit) if reason is None else query)
            found = (row for row in rows if reason is None or reason in row.reasons)
            return tuple(map(_value, islice(found, limit)))

    def delete(self, feedback_id: str, *, caller: str | None = None) -> Feedback:
        """Take it back.

        Raises:
            NotFound: There is no such feedback.
        """
        with self._database.write() as connection:
            gone = _find(connection, feedback_id, caller)
            connection.execute(delete(feedback).where(feedback.c.id == feedback_id))
        return gone


def _citations(connection: Connection, answer_id: str, caller: str | None) -> int:
    """How many citations an answer has that the caller may see."""
    query = select(answers.c.trace).join(conversations, conversations.c.id == answers.c.conversation_id)
    query = query.where(answers.c.id == answer_id)
    query = query if caller is None else query.where(conversations.c.owner == caller)
    trace = connection.execute(query).scalar_one_or_none()
    if trace is None:
        raise NotFound(f"There is no answer {answer_id!r}.", hint="Its id is the `trace_id` of the answer.")
    return len(trace["answer"]["citations"])


def _of(caller: str | None) -> Select[Any]:
    query = (
        select(feedback, conversations.c.collection, answers.c.trace)
        .join(answers, answers.c.id == feedback.c.answer_id)
        .join(conversations, conversations.c.id == answers.c.conversation_id)
    )
    return query if caller is None else query.where(feedback.c.owner == caller)


def _find(connection: Connection, feedback_id: str, caller: str | None) -> Feedback:
    row = connection.execute(_of(caller).where(feedback.c.id == feedback_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no feedback {feedback_id!r}.", hint="`ragkit feedback list` shows what there is.")
    return _value(row)


def _value(row: Row[Any]) -> Feedback:
    cited: builtins.list[str] = [one["uri"] for one in row.trace["answer"]["citations"]]
    about = cited if row.citation == WHOLE else cited[row.citation : row.citation + 1]
    return Feedback(
        id=row.id,
        answer_id=row.answer_id,
        collection=row.collection,
        question=row.trace["question"],
        cited=tuple(dict.fromkeys(about)),
        citation=None if row.citation == WHOLE else row.citation,
        rating=row.rating,
        reasons=tuple(row.reasons),
        comment=row.comment,
        correction=row.correction,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
