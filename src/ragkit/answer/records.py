"""The record of every answer, kept in one transaction with the messages of its conversation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Select, insert, literal, select, update

from ragkit.answer.conversations import SoFar
from ragkit.errors import NotFound
from ragkit.recorded import AnswerSummary, Trace
from ragkit.store.answered import are_there, as_asked, erased, erasures, keep_ties, lock_conversations
from ragkit.store.engine import Database, now
from ragkit.store.tables import answers, conversations, messages
from ragkit.types import Citation, Verdict

__all__ = ["Records", "tally"]

_TRACE: TypeAdapter[Trace] = TypeAdapter(Trace)


class Records:
    """Over the table `answers`.

    Args:
        database: The catalog.
        with_texts: Whether what was asked and answered is kept; else records have ids, scores, verdicts and times.
    """

    def __init__(self, database: Database, *, with_texts: bool = True) -> None:
        self._database = database
        self._with_texts = with_texts

    def save(
        self, trace: Trace, *, caller: str | None = None, since: SoFar | None = None, documents: Collection[str] = ()
    ) -> None:
        """Record an answer, its question and, when it is the first, its conversation: all or nothing.

        Where a document was deleted since it was found, or was erased from what the question leans on, the record is
        without its text as well.

        Args:
            trace: The record.
            caller: Who asked.
            since: The conversation as it was when the question was asked; none where it begins with it.
            documents: Ids of those that were found.

        Raises:
            NotFound: The conversation was deleted meanwhile.
        """
        conversation_id = trace.answer.conversation_id
        moment = now()
        row = _TRACE.dump_python(trace if self._with_texts else _without_texts(trace), mode="json")
        with self._database.write() as connection:
            whole = are_there(connection, documents)
            if trace.replay_of is not None or since is not None:
                _go_on(connection, conversation_id)
            else:
                values = {"collection": trace.collection, "owner": caller, "created_at": moment, "updated_at": moment}
                connection.execute(insert(conversations).values(id=conversation_id, **values))
            if not whole:
                row = erased(row)
            elif since is not None and erasures(connection, conversation_id) != since.erasures:
                row = as_asked(row)
            if trace.replay_of is None:
                _say(connection, trace, row, moment)
            connection.execute(
                insert(answers).values(
                    id=trace.id,
                    conversation_id=conversation_id,
                    trace=row,
                    took_ms=trace.answer.took_ms,
                    replay_of=trace.replay_of,
                    created_at=trace.created_at,
                )
            )
            if whole:
                keep_ties(connection, trace.id, documents)

    def trace(self, trace_id: str, *, caller: str | None = None) -> Trace:
        """The record of one answer.

        Raises:
            NotFound: There is no such answer, or none that the caller may see.
        """
        with self._database.read() as connection:
            stored = connection.execute(_of(caller).where(answers.c.id == trace_id)).one_or_none()
        if stored is None:
            raise _missing(trace_id)
        return _TRACE.validate_python(stored.trace)

    def again(self, trace_id: str) -> tuple[Trace, SoFar]:
        """A record with its conversation as it is before that is read: what is erased from then on can be told.

        Raises:
            NotFound: There is no such answer.
        """
        where = select(answers.c.conversation_id).where(answers.c.id == trace_id)
        with self._database.read() as connection:
            conversation_id = connection.execute(where).scalar_one_or_none()
            gone = erasures(connection, conversation_id) if conversation_id else 0
        trace = self.trace(trace_id)
        return trace, SoFar(id=trace.answer.conversation_id, collection=trace.collection, erasures=gone)

    def list(
        self,
        *,
        conversation_id: str | None = None,
        limit: int = 50,
        before: str | None = None,
        caller: str | None = None,
    ) -> tuple[AnswerSummary, ...]:
        """Records of answers, newest first.

        Args:
            conversation_id: Only of this conversation.
            limit: How many at most.
            before: Go on after the one with this id.
            caller: Only of this one; every one for an operator.

        Raises:
            NotFound: There is no answer `before`.
        """
        query = _of(caller).order_by(answers.c.created_at.desc(), answers.c.id.desc()).limit(limit)
        if conversation_id is not None:
            query = query.where(answers.c.conversation_id == conversation_id)
        with self._database.read() as connection:
            if before is not None:
                query = query.where(_after(connection, before, caller))
            return tuple(_summary(_TRACE.validate_python(row.trace)) for row in connection.execute(query))


def tally(citations: tuple[Citation, ...]) -> dict[Verdict, int]:
    """How many citations have which verdict."""
    found: dict[Verdict, int] = {}
    for citation in citations:
        found[citation.verdict] = found.get(citation.verdict, 0) + 1
    return found


def _go_on(connection: Connection, conversation_id: str) -> None:
    if not lock_conversations(connection, select(literal(conversation_id))):
        raise NotFound(
            f"The conversation {conversation_id!r} was deleted while it was answered.",
            hint="Nothing of the answer was kept; leave conversation_id out to begin a new conversation.",
        )


def _say(connection: Connection, trace: Trace, row: Mapping[str, Any], moment: datetime) -> None:
    key = trace.answer.conversation_id
    said = [("user", row["question"]), ("assistant", row["answer"]["answer"])]
    about = {"conversation_id": key, "trace_id": trace.id, "created_at": moment}
    connection.execute(insert(messages), [{"role": role, "text": text, **about} for role, text in said])
    connection.execute(update(conversations).where(conversations.c.id == key).values(updated_at=moment))


def _of(caller: str | None) -> Select[Any]:
    query = select(answers.c.trace).join(conversations, conversations.c.id == answers.c.conversation_id)
    return query if caller is None else query.where(conversations.c.owner == caller)


def _after(connection: Connection, before: str, caller: str | None) -> Any:
    query = _of(caller).with_only_columns(answers.c.created_at, answers.c.id).where(answers.c.id == before)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _missing(before)
    at, earlier = answers.c.created_at, answers.c.created_at < row.created_at
    return earlier | ((at == row.created_at) & (answers.c.id < row.id))


def _missing(trace_id: str) -> NotFound:
    return NotFound(f"There is no answer {trace_id!r}.", hint="`ragkit answers list` shows them.")


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
        verdicts=tally(answer.citations),
        cost_usd=answer.usage.cost_usd,
        took_ms=answer.took_ms,
        created_at=trace.created_at,
        replay_of=trace.replay_of,
    )


def _without_texts(trace: Trace) -> Trace:
    citations = tuple(replace(one, quote="", title="", heading="") for one in trace.answer.citations)
    return replace(
        trace,
        question="",
        standalone_question="",
        query="",
        answer=replace(trace.answer, answer="", citations=citations),
        sources=tuple(replace(one, title="", heading="") for one in trace.sources),
        verdicts=tuple(replace(one, sentence="") for one in trace.verdicts),
        with_texts=False,
    )
