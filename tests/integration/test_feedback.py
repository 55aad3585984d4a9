"""What people say of answers: whose it is, who reads it, what it becomes, and that it goes with the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from ragkit import Ragkit
from ragkit.app import build
from ragkit.cli import app
from ragkit.cli.feedback import golden_questions
from ragkit.client import Client
from ragkit.errors import InputError, NotAllowed, NotFound
from ragkit.service.app import create_service
from ragkit.settings import load
from ragkit.types import Answer

QUESTION = "Within how many days are refunds paid?"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    home = tmp_path_factory.mktemp("said")
    (home / "models").symlink_to(models)
    (home / "refunds.md").write_text("# Refunds\n\nRefunds are paid within 30 days.\n")
    return home


@pytest.fixture(scope="module")
def kit(home: Path) -> Iterator[Ragkit]:
    with Ragkit(build(load(home=home), one_shot=True)) as kit:
        kit.ingest(home / "refunds.md")
        yield kit


@pytest.fixture(scope="module")
def answer(kit: Ragkit) -> Answer:
    return kit.ask(QUESTION)


def test_saying_it_again_replaces_what_was_said(kit: Ragkit, answer: Answer) -> None:
    first = kit.feedback.give(answer.trace_id, "down", reasons=("wrong", "wrong"), comment="No.", correction="14 days")
    assert (first.question, first.collection, first.reasons) == (QUESTION, "default", ("wrong",))
    assert first.cited[0].endswith("refunds.md")
    again = kit.feedback.give(answer.trace_id, "up")
    assert (again.id, again.rating, again.comment, again.reasons) == (first.id, "up", "", ())
    of_one = kit.feedback.give(answer.trace_id, "down", citation=0, reasons=["wrong_source"])
    assert {one.id for one in kit.feedback.list(answer_id=answer.trace_id)} == {again.id, of_one.id}
    assert [one.id for one in kit.feedback.list(reason="wrong_source")] == [of_one.id]
    assert [one.id for one in kit.feedback.list(rating="up", collection="default")] == [again.id]
    assert kit.feedback.list(collection="other") == ()
    newest, *older = kit.feedback.list()
    assert list(kit.feedback.list(before=newest.id, limit=1)) == older
    for nowhere in (len(answer.citations), -1):
        with pytest.raises(InputError):
            kit.feedback.give(answer.trace_id, "up", citation=nowhere)
    with pytest.raises(NotFound):
        kit.feedback.give("nosuch", "up")
    kit.feedback.delete(of_one.id)
    with pytest.raises(NotFound):
        kit.feedback.delete(of_one.id)


def test_it_goes_with_the_answer_and_its_words_with_the_document(home: Path, kit: Ragkit) -> None:
    (home / "lift.md").write_text("# Lift\n\nThe lift carries 800 kg.\n")
    kit.ingest(home / "lift.md", collection="house")
    answer = kit.ask("How much does the lift carry?", collection="house")
    kit.feedback.give(answer.trace_id, "down", comment="Not 800 kg.", correction="It carries 900 kg.")
    kit.documents.delete(answer.citations[0].document_id)
    left = kit.feedback.list(answer_id=answer.trace_id)[0]
    assert (left.rating, left.comment, left.correction, left.cited) == ("down", "", "", ())
    kit.conversations.delete(answer.conversation_id)
    assert kit.feedback.list(answer_id=answer.trace_id) == ()


def test_over_http_it_is_the_callers_and_operators_read_all(home: Path, kit: Ragkit) -> None:
    settings = load(home=home)
    secrets = {name: kit.keys.create(name, role=name).secret for name in ("reader", "operator")}
    secrets["other"] = kit.keys.create("other").secret
    secrets["elsewhere"] = kit.keys.create("elsewhere", role="operator", collections=["house"]).secret
    with TestClient(create_service(build(settings, one_shot=True), settings)) as http:
        at = {name: Client("http://testserver", api_key=secret, http_client=http) for name, secret in secrets.items()}
        answer = at["reader"].ask(QUESTION)
        given = at["reader"].feedback.give(answer.trace_id, "up", comment="Thanks")
        assert at["reader"].feedback.list() == (given,)
        assert given in at["operator"].feedback.list()
        assert at["other"].feedback.list() == at["elsewhere"].feedback.list(rating="up") == ()
        for call in (
            lambda: at["other"].feedback.give(answer.trace_id, "up"),
            lambda: at["other"].feedback.delete(given.id),
        ):
            with pytest.raises(NotFound):
                call()
        with pytest.raises(NotAllowed):
            at["elsewhere"].feedback.list(collection="default")
        body: dict[str, Any] = {"answer_id": answer.trace_id, "rating": "sideways"}
        told = http.post("/v1/feedback", json=body, headers={"X-API-Key": secrets["reader"]})
        assert (told.status_code, told.json()["code"]) == (422, "invalid_input")
        assert at["reader"].feedback.delete(given.id) == given


def test_without_texts_nothing_is_kept_in_words(tmp_path: Path, home: Path) -> None:
    silent = load(home=tmp_path / "silent", store_texts=False)
    (tmp_path / "silent").mkdir()
    (tmp_path / "silent" / "models").symlink_to((home / "models").resolve())
    with Ragkit(build(silent, one_shot=True)) as kit:
        kit.ingest(home / "refunds.md")
        answer = kit.ask(QUESTION)
        with pytest.raises(InputError, match="no texts"):
            kit.feedback.give(answer.trace_id, "down", comment="No.")
        given = kit.feedback.give(answer.trace_id, "down", reasons=["outdated"])
        assert (given.question, given.reasons) == ("", ("outdated",))


def test_the_command_line_makes_golden_questions_of_it(home: Path, kit: Ragkit, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner(env={"RAGKIT_HOME": str(home)}).invoke(app, ["feedback", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    answer = kit.ask(QUESTION)
    given = json.loads(run("give", answer.trace_id, "up", "--reason", "other", "--json"))
    assert "up" in run("list", "--answer", answer.trace_id)
    golden = tmp_path / "golden.jsonl"
    golden.write_text(run("list", "--answer", answer.trace_id, "--golden"))
    line = json.loads(golden.read_text())
    assert line["question"] == QUESTION
    assert line["must_cite"] == given["cited"]
    assert kit.evaluate.golden(golden).measures["ask"]["source_first"] == 1.0
    assert json.loads(run("delete", given["id"], "--json"))["id"] == given["id"]


def test_the_newest_rating_decides_what_is_a_source(kit: Ragkit) -> None:
    up = kit.feedback.give(kit.ask(QUESTION).trace_id, "up", citation=0)
    down = replace(up, rating="down")
    assert golden_questions([down, up]) == []
    assert [json.loads(line)["must_cite"] for line in golden_questions([up, down])] == [list(up.cited)]
    # What is said of a citation stands over what was said of the whole answer, also later.
    assert golden_questions([replace(up, citation=None), down]) == []
