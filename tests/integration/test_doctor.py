"""What `ragkit doctor` sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ragkit.cli import app

Seen = dict[str, dict[str, str]]


def doctor(code: int) -> Seen:
    """Its findings, by what they are about."""
    result = CliRunner().invoke(app, ["doctor", "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return {one["subject"]: one for one in json.loads(result.stdout)}


def test_a_new_machine_has_all_that_is_needed_but_a_worker() -> None:
    seen = doctor(0)
    assert {subject for subject, one in seen.items() if one["state"] == "problem"} == set()
    assert {"settings", "home", "catalog", "vectors", "model", "embedder", "collections"} <= seen.keys()
    assert seen["worker"]["state"] == "warning"
    assert "384 dimensions" in seen["embedder"]["detail"]


def test_a_catalog_that_cannot_be_opened_and_a_pipeline_with_a_mistake_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "wiki.toml").write_text("sourse = 'x'")
    monkeypatch.setenv("RAGKIT_PIPELINES", str(folder))
    monkeypatch.setenv("RAGKIT_DATABASE_URL", "postgresql+psycopg://ragkit:secret@127.0.0.1:1/none")
    seen = doctor(1)
    assert seen["pipelines"]["state"] == seen["catalog"]["state"] == "problem"
    assert "wiki.toml" in seen["pipelines"]["detail"]
    assert "secret" not in json.dumps(seen)


def test_a_misspelled_variable_is_told_what_it_was_meant_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGKIT_EMBEDER", "x")
    monkeypatch.setenv("RAGKIT_DATABASE_URL", f"sqlite:///{tmp_path}")  # a folder: nothing is opened
    Path(".env").write_text("RAGKIT_QQQQQQQQ=1")
    result = CliRunner().invoke(app, ["doctor"], catch_exceptions=False)
    assert "RAGKIT_EMBEDER is no setting" in result.output
    assert "Did you mean RAGKIT_EMBEDDER?" in result.output
    assert "RAGKIT_QQQQQQQQ" in result.output
