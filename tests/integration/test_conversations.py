"""Conversations and records of answers through the engine, over HTTP with keys, and on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from ragkit import Ragkit
from ragkit.app import build
from ragkit.cli import app
from ragkit.client import Client
from ragkit.errors import InputError, NotAllowed, NotFound
from ragkit.service.app import create_service
from ragkit.settings import load
from ragkit.types import Filters, Message

TEXT = "# Refunds\n\nRefunds are paid within 30 days. They go to the card that was used.\n\n## Abroad\n\nRefunds to \
customers in Norway are paid within 45 days.\n"
QUESTION = "Within how many days are refunds paid?"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """A home with one document, for the whole module."""
    home = tmp_path_factory.mktemp("talk")
    (home / "models").symlink_to(models)
    (home / "refunds.md").write_text(TEXT)
    with Ragkit.open(load(home=home)) as kit:
        kit.ingest(home / "refunds.md")
    return home


@pytest.fixture
def kit(home: Path) -> Iterator[Ragkit]:
    with Ragkit(build(load(home=home), one_shot=True)) as kit:
        yield kit


def run(home: Path, *arguments: str) -> Any:
    result = CliRunner(env={"RAGKIT_HOME": str(home)}).invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_edited_question_is_answered_in_a_branch(kit: Ragkit) -> None:
    first = kit.ask(QUESTION)
    kit.ask("And in Norway?", conversation_id=first.conversation_id)
    said = kit.conversations.show(first.conversation_id).messages
    answer = kit.conversations.edit(first.conversation_id, said[2].id, "To which card do they go?")
    branch = kit.conversations.show(answer.conversation_id)
    assert branch.conversation.branch_of == first.conversation_id
    assert [one.message.text for one in branch.messages][:3] == [
        QUESTION, first.answer, "To which card do they go?"
    ]  # fmt: skip
    assert len(kit.conversations.show(first.conversation_id).messages) == 4
    kit.prompts.create("formal", "Formally.\n{{sources}}\n{{question}}")
    how: dict[str, Any] = {"prompt": "formal", "filters": Filters(languages=("en",)), "mmr": 0.7}
    asked = kit.ask(QUESTION, **how)
    (said_formally, _) = kit.conversations.show(asked.conversation_id).messages
    edited = kit.conversations.edit(asked.conversation_id, said_formally.id, "To which card do refunds go?")
    trace = kit.answers.show(edited.trace_id)
    assert (str(trace.answer.prompt), trace.filters, trace.mmr) == ("formal@1", how["filters"], how["mmr"])
    before = len(kit.conversations.list())
    with pytest.raises(InputError):
        kit.conversations.edit(first.conversation_id, said[2].id, "And in Norway?")
    with pytest.raises(InputError):
        kit.conversations.edit(first.conversation_id, said[2].id, "x" * 9000)
    assert len(kit.conversations.list()) == before, "a question that was refused leaves no branch"


def test_a_follow_up_stays_in_the_collection_of_its_conversation(kit: Ragkit, home: Path) -> None:
    kit.ingest(home / "refunds.md", collection="other")
    first = kit.ask(QUESTION, collection="other")
    later = kit.ask("And in Norway?", conversation_id=first.conversation_id)
    assert kit.answers.show(later.trace_id).collection == "other"


def test_a_history_that_the_asker_keeps_is_understood_and_not_stored(kit: Ragkit) -> None:
    first = kit.ask(QUESTION)
    history = (Message(role="user", text=QUESTION), Message(role="assistant", text=first.answer))
    answer = kit.ask("And in Norway?", history=history)
    assert "45 days" in answer.answer
    said = kit.conversations.show(answer.conversation_id).messages
    assert [one.message.text for one in said] == ["And in Norway?", answer.answer]
    with pytest.raises(InputError):
        kit.ask("And in Norway?", history=history, conversation_id=first.conversation_id)


def test_a_replay_on_another_prompt_tells_the_difference(kit: Ragkit) -> None:
    first = kit.ask(QUESTION)
    kit.prompts.create("answer", "Say it in verse.\n{{sources}}\n{{question}}")
    done = kit.answers.replay(first.trace_id, prompt="answer@2", generation=1)
    assert (done.trace.replay_of, done.trace.answer.answer) == (first.trace_id, first.answer)
    assert (done.diff.prompt, done.diff.text, done.diff.rendered_alike) == (("answer@1", "answer@2"), "", False)
    assert (done.diff.same_question, done.diff.hits_shared) == (True, 1.0)
    same = kit.answers.replay(first.trace_id)
    assert kit.answers.diff(first.trace_id, same.trace.id).rendered_alike
    assert len(kit.conversations.show(first.conversation_id).messages) == 2, "a replay is not part of what was said"
    assert {one.id for one in kit.answers.list(conversation_id=first.conversation_id)} == {
        first.trace_id, done.trace.id, same.trace.id
    }  # fmt: skip
    with pytest.raises(NotFound, match="generation 9"):
        kit.answers.replay(first.trace_id, generation=9)
    kit.conversations.delete(first.conversation_id)
    with pytest.raises(NotFound):
        kit.answers.show(done.trace.id)


def test_a_replay_by_a_model_that_cannot_be_used_is_refused(kit: Ragkit) -> None:
    first = kit.ask(QUESTION)
    with pytest.raises(InputError, match="nonsense"):
        kit.answers.replay(first.trace_id, model="nonsense")
    key = kit.seen_by(None, caller="key a")
    mine = key.ask(QUESTION)
    for model in ("openai:gpt-5-mini", "extractive,openai:gpt-5-mini"):
        with pytest.raises(NotAllowed, match="provider"):
            key.answers.replay(mine.trace_id, model=model)
    assert key.answers.replay(mine.trace_id, model="extractive").diff.text == ""


def test_a_deleted_document_leaves_every_record_and_branch(kit: Ragkit, home: Path) -> None:
    file = home / "secret.md"
    file.write_text("# Codes\n\nThe alarm code of the vault is 4711-hibiscus.\n")
    kit.ingest(file, collection="vault")
    first = kit.ask("What is the alarm code of the vault?", collection="vault")
    assert "4711-hibiscus" in first.answer
    branch = kit.conversations.branch(
        first.conversation_id, kit.conversations.show(first.conversation_id).messages[1].id
    )
    (document,) = kit.documents.list(collection="vault")
    kit.documents.delete(document.id)
    told = f"{kit.answers.show(first.trace_id)} {kit.conversations.show(branch.id)}"
    assert "hibiscus" not in told + str(kit.conversations.show(first.conversation_id))


def test_callers_see_their_own(kit: Ragkit) -> None:
    kit.collections.configure("default", untagged=True)
    mine, theirs = kit.seen_by(("hr",)), kit.seen_by(("it",))
    first = mine.ask(QUESTION)
    assert [one.id for one in mine.conversations.list()] == [first.conversation_id]
    assert theirs.conversations.list() == ()
    for call in (theirs.conversations.show, theirs.conversations.delete):
        with pytest.raises(NotFound):
            call(first.conversation_id)
    with pytest.raises(NotFound):
        theirs.ask("And in Norway?", conversation_id=first.conversation_id)
    with pytest.raises(NotFound):
        theirs.answers.show(first.trace_id)
    with pytest.raises(NotAllowed):
        mine.answers.replay(first.trace_id)
    assert kit.answers.show(first.trace_id).access == ("hr",)


def test_over_http_a_conversation_belongs_to_its_key(home: Path) -> None:
    settings = load(home=home, api_keys="first-key,second-key")
    with TestClient(create_service(build(settings, one_shot=True), settings)) as http:
        mine, theirs = (
            Client("http://testserver", api_key=key, http_client=http) for key in ("first-key", "second-key")
        )
        answer = mine.ask(QUESTION)
        key = answer.conversation_id
        assert mine.conversations.rename(key, "Refunds").title == "Refunds"
        assert [one.id for one in mine.conversations.list(limit=5)] == [key]
        said = mine.conversations.show(key).messages
        assert mine.conversations.branch(key, said[1].id).messages == 2
        assert mine.conversations.edit(key, said[0].id, "To which card do refunds go?").conversation_id != key
        assert mine.answers.list(conversation_id=key)[0].id == answer.trace_id
        assert mine.answers.suggest(answer.trace_id) == ('What does "Refunds" say about "Abroad"?',)
        replay = mine.answers.replay(answer.trace_id)
        assert mine.answers.diff(answer.trace_id, replay.trace.id).text == ""
        assert theirs.conversations.list() == theirs.answers.list() == ()
        with pytest.raises(NotFound):
            theirs.conversations.delete(key)
        assert len(mine.conversations.delete(key, branches=True).conversation_ids) == 3
        with pytest.raises(InputError):
            mine.answers.list(limit=0)


def test_in_openais_form_a_follow_up_needs_its_history_alone(home: Path) -> None:
    settings = load(home=home)
    with TestClient(create_service(build(settings, one_shot=True), settings), base_url="http://127.0.0.1") as http:
        said = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Within 30 days."}]
        body = {"model": "ragkit/default", "messages": [*said, {"role": "user", "content": "And in Norway?"}]}
        reply = http.post("/v1/chat/completions", json=body).json()
        source = reply["ragkit"]["sources"][0]
        assert "45 days" in source["quote"]
        assert f"[[1]]({source['url']})" in reply["choices"][0]["message"]["content"]
        made = http.post("/v1/embeddings", json={"model": "ragkit/default", "input": [QUESTION, "Norway"]}).json()
        assert [len(one["embedding"]) for one in made["data"]] == [384, 384]
        long = http.post("/v1/embeddings", json={"model": "ragkit", "input": "word " * 300})
        assert (long.status_code, long.json()["error"]["param"]) == (413, "input.0")


def test_the_command_line_has_the_same(home: Path, tmp_path: Path) -> None:
    page = tmp_path / "audit.html"
    answer = run(home, "ask", QUESTION, "--report", str(page))
    assert '<mark class="supported"' in page.read_text("utf-8")
    unwritable = ["ask", QUESTION, "--json", "--report", str(tmp_path / "nowhere" / "audit.html")]
    told = CliRunner(env={"RAGKIT_HOME": str(home)}).invoke(app, unwritable)
    assert isinstance(told.exception, InputError)
    assert json.loads(told.stdout)["answer"] == answer["answer"], "the answer is not lost with the page"
    key = answer["conversation_id"]
    assert key in [one["id"] for one in run(home, "conversations", "list", "--limit", "3")["conversations"]]
    assert run(home, "conversations", "rename", key, "Refunds")["title"] == "Refunds"
    said = run(home, "conversations", "show", key)["messages"]
    branch = run(home, "conversations", "branch", key, str(said[1]["id"]))
    assert branch["branch_of"] == key
    edited = run(home, "conversations", "edit", key, str(said[0]["id"]), "To which card do refunds go?")
    listed = run(home, "answers", "list", "--conversation", key)["answers"]
    assert [one["id"] for one in listed] == [answer["trace_id"]]
    assert run(home, "answers", "show", answer["trace_id"], "--report", str(page))["question"] == QUESTION
    replay = run(home, "answers", "replay", answer["trace_id"])
    assert replay["diff"]["text"] == ""
    assert run(home, "answers", "diff", answer["trace_id"], edited["trace_id"])["same_question"] is False
    gone = run(home, "conversations", "delete", key)
    assert sorted(gone["branches"]) == sorted([branch["id"], edited["conversation_id"]])
