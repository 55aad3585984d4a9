from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from ragkit.answer.compare import with_texts
from ragkit.answer.conversations import Conversations, SoFar
from ragkit.answer.records import Records
from ragkit.errors import InputError, NotFound
from ragkit.events import Verified
from ragkit.recorded import Shown, Trace
from ragkit.store.answered import ERASED, forget_answers
from ragkit.store.engine import Database, now
from ragkit.store.tables import answered_from, answers, conversations, messages
from ragkit.types import Answer, Citation, PromptRef, Usage

CITATION = Citation(
    marker=1, document_id="d", uri="u", title="Policy", page=None, heading="", chunk_id="c", start=0, end=4,
    quote="Soon", verdict="supported", score=1.0, supported=True,
)  # fmt: skip
ANSWER = Answer(
    answer="Soon [1].", citations=(CITATION,), abstained=False, reason=None, prompt=PromptRef(name="answer", version=1),
    model="scripted:1", usage=Usage(cost_usd=None), trace_id="t1", conversation_id="conv_1", took_ms=3.5,
)  # fmt: skip
TRACE = Trace(
    id="t1", question="When?", standalone_question="When are refunds paid?", collection="default", generation=1,
    hits=(("c", 0.5),), answer=ANSWER, stages_ms={"retrieve": 1.5}, created_at=now(),
)  # fmt: skip


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")
    yield database
    database.close()


def counts(database: Database) -> list[int]:
    with database.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (conversations, messages, answers)
        ]


def test_an_answer_comes_back_as_it_was_recorded(database: Database) -> None:
    records = Records(database)
    records.save(TRACE)
    assert records.trace("t1") == TRACE


def test_an_answer_is_recorded_whole_or_not_at_all(database: Database) -> None:
    records = Records(database)
    records.save(TRACE)
    before = counts(database)
    with pytest.raises(IntegrityError):
        records.save(TRACE)
    assert counts(database) == before == [1, 2, 1]


def test_what_is_not_there_is_not_found(database: Database) -> None:
    records = Records(database)
    with pytest.raises(NotFound, match="'t9'"):
        records.trace("t9")


def test_records_are_listed_newest_first_a_page_at_a_time(database: Database) -> None:
    records = Records(database)
    for number in range(5):
        later = TRACE.created_at + timedelta(minutes=number // 2)
        records.save(replace(TRACE, id=f"t{number}", created_at=later), since=SoFar(id="conv_1") if number else None)
    first = records.list(limit=2)
    rest = records.list(limit=10, before=first[-1].id)
    assert [one.id for one in (*first, *rest)] == ["t4", "t3", "t2", "t1", "t0"]
    assert (first[0].question, first[0].prompt, first[0].verdicts) == ("When?", "answer@1", {"supported": 1})
    assert records.list(conversation_id="conv_9") == ()
    with pytest.raises(NotFound):
        records.list(before="t9")


def test_without_texts_a_record_keeps_what_happened_and_nothing_that_was_said(database: Database) -> None:
    shown = Shown(
        number=1, document_id="d", uri="u", title="Policy", heading="Soon", page=None, chunk_id="c", start=0, end=4,
        sha256="0",
    )  # fmt: skip
    verdict = Verified(sentence="Soon.", markers=(1,), verdict="supported", score=1.0)
    Records(database, with_texts=False).save(replace(TRACE, sources=(shown,), verdicts=(verdict,)))
    with database.read() as connection:
        stored = str(connection.execute(select(answers.c.trace)).scalar_one())
        said = connection.scalars(select(messages.c.text)).all()
    assert set(said) == {""}
    assert not any(word in stored for word in ("When", "Soon", "refunds", "Policy"))
    kept = Records(database).trace("t1")
    assert not kept.with_texts
    assert (kept.hits, kept.answer.citations[0].verdict, kept.verdicts[0].score) == ((("c", 0.5),), "supported", 1.0)


def test_a_caller_sees_only_what_it_was_answered(database: Database) -> None:
    records = Records(database)
    records.save(TRACE, caller="key a")
    assert records.trace("t1", caller="key a") == records.trace("t1") == TRACE
    assert records.list(caller="key b") == ()
    with pytest.raises(NotFound):
        records.trace("t1", caller="key b")


@pytest.mark.parametrize("again", [{"id": "t2"}, {"id": "t2", "replay_of": "t1"}])
def test_a_conversation_that_was_deleted_while_it_was_answered_stays_deleted(
    database: Database, again: dict[str, str]
) -> None:
    records, stored = Records(database), Conversations(database)
    records.save(TRACE)
    since = stored.so_far("conv_1")
    stored.delete("conv_1")
    with pytest.raises(NotFound, match="was deleted while it was answered"):
        records.save(replace(TRACE, **again), since=since)
    assert counts(database) == [0, 0, 0]


def test_a_replay_is_not_said_in_the_conversation(database: Database) -> None:
    records, stored = Records(database), Conversations(database)
    records.save(TRACE)
    before = stored.show("conv_1")
    records.save(replace(TRACE, id="t2", replay_of="t1"))
    assert stored.show("conv_1") == before
    assert len(records.list()) == 2


def test_a_replay_keeps_no_words_of_what_was_erased_since_its_record_was_read(database: Database) -> None:
    records = Records(database)
    with database.write() as connection:
        connection.execute(insert(answered_from), [{"trace_id": "t1", "document_id": "d"}])
    records.save(TRACE)
    trace, since = records.again("t1")
    with database.write() as connection:
        forget_answers(connection, {"d"})
    records.save(replace(trace, id="t2", replay_of="t1"), since=since)
    assert records.trace("t2").standalone_question == "When?"
    trace, since = records.again("t1")
    records.save(replace(trace, id="t3", replay_of="t1", standalone_question="When then?"), since=since)
    assert records.trace("t3").standalone_question == "When then?"


def test_what_was_not_kept_is_not_compared(database: Database) -> None:
    assert with_texts(TRACE) == TRACE
    erased = replace(TRACE, answer=replace(ANSWER, answer=ERASED))
    for other, why in ((replace(TRACE, with_texts=False), "without its texts"), (erased, "was erased")):
        with pytest.raises(InputError, match=why):
            with_texts(other)


def test_an_answer_from_a_document_that_is_gone_is_kept_without_its_text(database: Database) -> None:
    Records(database).save(TRACE, documents={"d"})
    kept = Records(database).trace("t1")
    assert (kept.question, kept.standalone_question, kept.answer.citations) == ("When?", "When?", ())
    assert "Soon" not in f"{kept} {Conversations(database).show('conv_1')}"
