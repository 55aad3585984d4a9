"""What a deletion of documents takes out of answers and conversations, in both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select

from ragkit.answer.conversations import Conversations
from ragkit.answer.records import Records
from ragkit.errors import NotFound
from ragkit.index.erasure import Eraser
from ragkit.index.generations import Collections, Generation
from ragkit.index.ledger import Finding, Ledger
from ragkit.protocols import EmbedderSpec
from ragkit.recorded import Trace
from ragkit.store.answered import ERASED
from ragkit.store.engine import Database, now
from ragkit.store.tables import answered_from
from ragkit.types import Answer, PromptRef, Usage

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
SECRET = "4711-hibiscus"
ANSWER = Answer(
    answer=f"The code is {SECRET}.", citations=(), abstained=False, reason=None,
    prompt=PromptRef(name="answer", version=1), model="scripted:1", usage=Usage(), trace_id="t1",
    conversation_id="conv_1", took_ms=3.5,
)  # fmt: skip
TRACE = Trace(
    id="t1", question="What is the code?", standalone_question="What is the code?", collection="c", generation=1,
    hits=(("chk_expired", 0.5),), answer=ANSWER, stages_ms={}, created_at=now(),
)  # fmt: skip


class Desk:
    """Two documents, and what is said about them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.generation: Generation = Collections(database).ensure("c", EmbedderSpec(id="e", dimension=4, max_tokens=9))
        known = Ledger(database).find(self.generation, [Finding(uri="a"), Finding(uri="b")])
        self.a, self.b = (known[uri].document_id for uri in "ab")
        self.records, self.stored = Records(database), Conversations(database)

    def say(self, trace: Trace, *documents: str, **how: Any) -> None:
        self.records.save(trace, documents=documents, **how)

    def follow(self, conversation_id: str, key: str, *documents: str) -> None:
        """Ask something that has its stand-alone form from an answer."""
        answer = replace(ANSWER, answer="In the safe.", trace_id=key, conversation_id=conversation_id)
        standalone = f"Where is {SECRET} written down?"
        trace = replace(
            TRACE, id=key, question="Where?", standalone_question=standalone, query=standalone, answer=answer
        )
        self.say(trace, *documents, since=self.stored.so_far(conversation_id))

    def delete(self, document_id: str) -> None:
        Eraser(self.database).remove(self.generation, [document_id])

    def told(self) -> str:
        """All that is kept of what was said."""
        views = [self.stored.show(one.id) for one in self.stored.list()]
        return f"{views} {[self.records.trace(one.id) for one in self.records.list()]}"


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    return Desk(database)


@BOTH
def test_a_document_takes_its_text_along_from_branches_and_later_questions(desk: Desk) -> None:
    desk.say(TRACE, desk.a, desk.b)
    desk.follow("conv_1", "t2", desk.b)
    branch = desk.stored.branch("conv_1", desk.stored.show("conv_1").messages[1].id)
    desk.follow(branch.id, "t3", desk.b)
    of_branch = desk.stored.branch(branch.id, desk.stored.show(branch.id).messages[1].id)
    desk.stored.delete(branch.id)
    assert SECRET in desk.told()
    desk.delete(desk.a)
    assert SECRET not in desk.told()
    assert desk.stored.show(of_branch.id).messages[1].message.text == ERASED
    assert desk.records.trace("t2").answer.answer == "In the safe.", "it was made from another document"


@BOTH
def test_a_branch_whose_origin_is_forgotten_is_erased_as_well(desk: Desk) -> None:
    desk.say(TRACE, desk.a)
    branch = desk.stored.branch("conv_1", desk.stored.show("conv_1").messages[1].id)
    desk.stored.delete("conv_1")
    desk.delete(desk.a)
    assert desk.stored.show(branch.id).messages[1].message.text == ERASED


@BOTH
def test_nothing_is_noted_of_answers_that_are_gone(desk: Desk) -> None:
    desk.say(TRACE, desk.a)
    branch = desk.stored.branch("conv_1", desk.stored.show("conv_1").messages[1].id)
    desk.stored.delete("conv_1")
    with desk.database.read() as connection:
        assert connection.scalars(select(answered_from.c.trace_id)).all() == ["t1"], "a copy is still there"
    desk.stored.delete(branch.id)
    with desk.database.read() as connection:
        assert connection.scalars(select(answered_from.c.trace_id)).all() == []


@BOTH
def test_a_follow_up_that_was_under_way_forgets_what_was_erased(desk: Desk) -> None:
    desk.say(TRACE, desk.a)
    since = desk.stored.so_far("conv_1")
    desk.delete(desk.a)
    answer = replace(ANSWER, answer="In the safe.")
    standalone = f"Where is {SECRET} written down?"
    desk.say(replace(TRACE, id="t2", standalone_question=standalone, answer=answer), desk.b, since=since)
    assert SECRET not in desk.told()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_what_is_saved_while_its_document_is_deleted_is_erased(desk: Desk) -> None:
    """The answer is saved first, and the deletion waits for it; or the other way round."""
    for turn, key in enumerate((desk.a, desk.b)):
        trace = replace(TRACE, id=f"t{turn}", answer=replace(ANSWER, conversation_id=f"conv_{turn}"))
        works = [Thread(target=desk.say, args=(trace, key)), Thread(target=desk.delete, args=(key,))]
        for work in works if turn else reversed(works):
            work.start()
        for work in works:
            work.join()
    assert SECRET not in desk.told()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_two_follow_ups_at_once_are_both_kept_and_none_survives_a_deletion(desk: Desk) -> None:
    desk.say(TRACE, desk.a)
    works = [Thread(target=desk.follow, args=("conv_1", key, desk.b)) for key in ("t2", "t3")]
    for work in works:
        work.start()
    for work in works:
        work.join()
    said = desk.stored.show("conv_1").messages
    assert sorted(str(one.trace_id) for one in said) == ["t1", "t1", "t2", "t2", "t3", "t3"]
    since = desk.stored.so_far("conv_1")
    desk.stored.delete("conv_1")
    with pytest.raises(NotFound):
        desk.say(replace(TRACE, id="t4"), desk.b, since=since)
    assert desk.stored.list() == ()
