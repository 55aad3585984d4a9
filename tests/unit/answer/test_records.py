from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from ragkit.answer.records import Records
from ragkit.errors import NotFound
from ragkit.store.engine import Database, now
from ragkit.store.tables import answers, conversations, messages
from ragkit.types import Answer, Citation, Message, PromptRef, Trace, Usage

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


def test_a_conversation_grows_with_each_answer(database: Database) -> None:
    records = Records(database)
    records.save(TRACE)
    later = replace(TRACE, id="t2", question="And then?", standalone_question="What then?", created_at=now())
    records.save(later)
    conversation = records.conversation("conv_1")
    assert [message.text for message in conversation.messages] == ["When?", "Soon [1].", "And then?", "Soon [1]."]
    assert conversation.messages[0] == Message(role="user", text="When?")
    assert conversation.last_question == "What then?"


def test_an_answer_is_recorded_whole_or_not_at_all(database: Database) -> None:
    records = Records(database)
    records.save(TRACE)
    before = counts(database)
    with pytest.raises(IntegrityError):
        records.save(TRACE)
    assert counts(database) == before == [1, 2, 1]


def test_what_is_not_there_is_not_found(database: Database) -> None:
    records = Records(database)
    with pytest.raises(NotFound, match="'conv_9'") as caught:
        records.conversation("conv_9")
    assert "new one" in str(caught.value.hint)
    with pytest.raises(NotFound, match="'t9'"):
        records.trace("t9")
