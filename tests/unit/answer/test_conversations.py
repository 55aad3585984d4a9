from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.answer.conversations import Conversations, SoFar
from ragkit.answer.records import Records
from ragkit.errors import InputError, NotAllowed, NotFound
from ragkit.recorded import Trace
from ragkit.store.engine import Database, now
from ragkit.types import Answer, Message, PromptRef, Usage

SECRET = "the severance package of Ms Vogel"


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")
    yield database
    database.close()


@pytest.fixture
def stored(database: Database) -> Conversations:
    say(database, "conv_1", "When are refunds paid?", "Soon.", trace_id="t1")
    say(database, "conv_1", "And abroad?", "Later.", trace_id="t2", standalone="When are refunds paid abroad?")
    return Conversations(database)


def say(
    database: Database,
    conversation_id: str,
    question: str,
    reply: str,
    *,
    trace_id: str,
    standalone: str | None = None,
    caller: str | None = None,
) -> None:
    answer = Answer(
        answer=reply, citations=(), abstained=False, reason=None, prompt=PromptRef(name="answer", version=1),
        model="scripted:1", usage=Usage(), trace_id=trace_id, conversation_id=conversation_id, took_ms=1.0,
    )  # fmt: skip
    trace = Trace(
        id=trace_id, question=question, standalone_question=standalone or question, collection="shop", generation=1,
        hits=(), answer=answer, stages_ms={}, created_at=now(),
    )  # fmt: skip
    known = any(one.id == conversation_id for one in Conversations(database).list())
    Records(database).save(trace, caller=caller, since=SoFar(id=conversation_id) if known else None)


def texts(stored: Conversations, conversation_id: str) -> list[str]:
    return [said.message.text for said in stored.show(conversation_id).messages]


def test_a_conversation_grows_with_each_answer(stored: Conversations) -> None:
    so_far = stored.so_far("conv_1")
    assert [message.text for message in so_far.messages] == ["When are refunds paid?", "Soon.", "And abroad?", "Later."]
    assert so_far.messages[0] == Message(role="user", text="When are refunds paid?")
    assert (so_far.last_question, so_far.collection) == ("When are refunds paid abroad?", "shop")


def test_the_one_last_answered_in_is_listed_first_under_its_first_question(
    stored: Conversations, database: Database
) -> None:
    say(database, "conv_2", "Is parking free?", "Yes.", trace_id="t3")
    say(database, "conv_1", "And now?", "No.", trace_id="t4")
    listed = stored.list()
    assert [(one.id, one.title, one.messages) for one in listed] == [
        ("conv_1", "When are refunds paid?", 6),
        ("conv_2", "Is parking free?", 2),
    ]
    assert stored.list(limit=1) == listed[:1]
    assert stored.list(before="conv_1") == listed[1:]
    assert stored.list(before=listed[0].place) == listed[1:]


def test_a_list_goes_on_where_it_was_though_its_last_is_answered_in_meanwhile(
    stored: Conversations, database: Database
) -> None:
    say(database, "conv_2", "Is parking free?", "Yes.", trace_id="t3")
    (first,) = stored.list(limit=1)
    say(database, "conv_2", "And on Sundays?", "Yes.", trace_id="t4")
    assert [one.id for one in stored.list(before=first.place)] == ["conv_1"]
    stored.delete("conv_2")
    assert [one.id for one in stored.list(before=first.place)] == ["conv_1"], "though it is gone"
    with pytest.raises(InputError, match="is no place"):
        stored.list(before="conv_1@yesterday")


def test_a_follow_up_leans_on_the_last_messages_only(stored: Conversations, database: Database) -> None:
    for at in range(30):
        say(database, "conv_1", f"Question {at}?", f"Answer {at}.", trace_id=f"more{at}")
    said = stored.so_far("conv_1").messages
    assert (len(said), said[-1].text) == (50, "Answer 29.")


def test_a_conversation_gets_a_name(stored: Conversations) -> None:
    assert stored.rename("conv_1", " Refunds ").title == "Refunds"
    assert stored.list()[0].title == "Refunds"
    with pytest.raises(InputError):
        stored.rename("conv_1", "  ")


def test_a_branch_has_what_was_said_up_to_an_answer(stored: Conversations) -> None:
    said = stored.show("conv_1").messages
    branch = stored.branch("conv_1", said[1].id)
    assert texts(stored, branch.id) == ["When are refunds paid?", "Soon."]
    assert (branch.branch_of, branch.collection, branch.messages) == ("conv_1", "shop", 2)
    assert len(texts(stored, "conv_1")) == 4
    assert stored.so_far(branch.id).last_question == "When are refunds paid?"


def test_a_branch_at_a_question_leaves_it_to_be_asked_anew(stored: Conversations) -> None:
    said = stored.show("conv_1").messages
    assert texts(stored, stored.branch("conv_1", said[2].id).id) == ["When are refunds paid?", "Soon."]
    assert texts(stored, stored.branch("conv_1", said[0].id).id) == []
    with pytest.raises(NotFound, match="message 99"):
        stored.branch("conv_1", 99)


def test_forgetting_leaves_no_byte_of_what_was_said(stored: Conversations, database: Database, home: Path) -> None:
    say(database, "conv_s", f"What is {SECRET}?", f"It is {SECRET}.", trace_id="t9")
    done = stored.delete("conv_s")
    assert (done.messages, done.answers, done.branches) == (2, 1, ())
    with pytest.raises(NotFound):
        stored.show("conv_s")
    with pytest.raises(NotFound):
        Records(database).trace("t9")
    for file in home.glob("ragkit.db*"):
        assert SECRET.encode() not in file.read_bytes(), file


def test_forgetting_names_the_branches_that_stay_or_takes_them_along(stored: Conversations) -> None:
    branch = stored.branch("conv_1", stored.show("conv_1").messages[1].id)
    of_branch = stored.branch(branch.id, stored.show(branch.id).messages[1].id)
    assert set(stored.delete(branch.id).branches) == {of_branch.id}
    assert texts(stored, of_branch.id) == ["When are refunds paid?", "Soon."]
    assert stored.show(of_branch.id).conversation.branch_of == "conv_1", "it hangs where its origin hung"
    third = stored.branch(of_branch.id, stored.show(of_branch.id).messages[1].id)
    assert set(stored.delete("conv_1", branches=True).conversation_ids) == {"conv_1", of_branch.id, third.id}
    assert stored.list() == ()


def test_forgetting_names_branches_of_branches(stored: Conversations) -> None:
    branch = stored.branch("conv_1", stored.show("conv_1").messages[1].id)
    of_branch = stored.branch(branch.id, stored.show(branch.id).messages[1].id)
    assert set(stored.delete("conv_1").branches) == {branch.id, of_branch.id}
    assert stored.show(branch.id).conversation.branch_of is None


def test_a_conversation_belongs_to_its_caller(stored: Conversations, database: Database) -> None:
    say(database, "conv_b", "Mine?", "Yes.", trace_id="t5", caller="key b")
    assert [one.id for one in stored.list(caller="key b")] == ["conv_b"]
    assert {one.id for one in stored.list()} == {"conv_1", "conv_b"}
    mine = stored.branch("conv_b", stored.show("conv_b").messages[1].id, caller="key b")
    assert stored.show(mine.id, caller="key b").conversation.branch_of == "conv_b"
    for call in (stored.show, stored.so_far, stored.delete):
        with pytest.raises(NotFound, match="'conv_b'"):
            call("conv_b", caller="key a")
    with pytest.raises(NotFound):
        stored.rename("conv_b", "Yours", caller="key a")


def test_an_operator_goes_on_in_a_branch_which_the_caller_does_not_see(
    stored: Conversations, database: Database
) -> None:
    say(database, "conv_b", "Mine?", "Yes.", trace_id="t5", caller="key b")
    with pytest.raises(NotAllowed, match="another caller"):
        stored.so_far("conv_b")
    branch = stored.branch("conv_b", stored.show("conv_b").messages[1].id)
    assert stored.so_far(branch.id).messages[0].text == "Mine?"
    with pytest.raises(NotFound):
        stored.show(branch.id, caller="key b")
    assert stored.delete("conv_b", branches=True, caller="key b").conversation_ids == ("conv_b",)
    assert stored.show(branch.id).conversation.branch_of is None


def test_only_questions_are_asked_anew(stored: Conversations) -> None:
    said = stored.show("conv_1").messages
    assert stored.question("conv_1", said[2].id) == said[2]
    with pytest.raises(NotFound, match="no message 99"):
        stored.question("conv_1", 99)
    with pytest.raises(InputError, match="is an answer"):
        stored.question("conv_1", said[3].id)


def test_messages_without_texts_are_no_history(stored: Conversations, database: Database) -> None:
    Records(database, with_texts=False).save(replace(Records(database).trace("t2"), id="t3"), since=SoFar(id="conv_1"))
    so_far = stored.so_far("conv_1")
    assert len(so_far.messages) == 4
    assert so_far.last_question is None


def test_without_a_record_the_last_question_is_as_it_was_asked(stored: Conversations) -> None:
    branch = stored.branch("conv_1", stored.show("conv_1").messages[3].id)
    stored.delete("conv_1")
    assert stored.so_far(branch.id).last_question == "And abroad?"
