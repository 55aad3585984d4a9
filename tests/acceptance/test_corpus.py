"""Keeping a corpus in order, by the command line and over the real stores."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from tests.running import ok, ragkit

CANARY = "xylophonist"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "parcels.md").write_text("# Parcels\n\nStandard parcels arrive in three working days.\n")
    (folder / "fees.md").write_text(f"# Fees\n\nThe {CANARY} of the band gets a fee of 900 kroner.\n")
    return folder


def documents(*arguments: str) -> dict[str, str]:
    """Ids of documents by the names of their files."""
    return {one["uri"].rpartition("/")[2]: one["id"] for one in ok("documents", "list", *arguments)["documents"]}


def test_a_file_in_quarantine_is_listed_with_its_reason_and_released(docs: Path) -> None:
    (docs / "note.md").write_text("Hm.")
    said = ragkit("ingest", str(docs)).stdout
    assert "1 quarantined" in said
    assert "note.md" in said
    header, row = ragkit("documents", "list", "--state", "quarantined").stdout.splitlines()
    assert header.split("\t")[-1] == "reason"
    key, *_, reason = row.split("\t")
    shown = ragkit("documents", "show", key).stdout
    assert f"state       quarantined: {reason}" in shown
    assert [step for step in ("found", "parsed", "checked", "quarantined") if f" {step}\n" not in shown] == []
    assert ok("documents", "release", key)["added"] == 1
    shown = ragkit("documents", "show", key).stdout
    assert "state       live" in shown
    assert "filter      min_characters: not passed" in shown
    assert shown.index(" live\n") < shown.index(" quarantined\n"), "the newest attempt comes first"
    again = ragkit("documents", "release", key)
    assert again.returncode == 1
    assert "not quarantined" in again.stderr


def test_nothing_of_a_deleted_text_is_left_in_any_file(docs: Path, home: Path) -> None:
    ok("ingest", str(docs))
    question = "What does the musician of the band get as a fee?"
    assert CANARY in ok("ask", question)["answer"]
    (docs / "fees.md").write_text(f"# Fees\n\nThe {CANARY} of the band gets a fee of 950 kroner from May on.\n")
    ok("ingest", str(docs))
    answer = ok("ask", question)
    assert "950" in answer["answer"]
    (docs / "fees.md").write_text(f"The {CANARY}.\n" * 200)
    assert ok("ingest", str(docs))["quarantined"] == 1
    kinds = {path.relative_to(home).parts[0] for path in containing(home, CANARY)}
    assert {"ragkit.db", "files"} <= {kind.removesuffix("-wal") for kind in kinds}, "held in every place it may be"
    key = documents()["fees.md"]
    said = ragkit("documents", "delete", key).stdout
    assert all(part in said for part in ("Erased", "fees.md", key, "1 chunks", " at 20"))
    assert containing(home, CANARY) == []
    assert recorded_answers(home) == {"[Erased with a document that it was made from.]"}
    assert documents().keys() == {"parcels.md"}
    assert ok("verify")["consistent"] is True
    assert "three working days" in ok("ask", "When do parcels arrive?")["answer"]


def test_a_rollback_answers_from_the_earlier_text_at_once_and_embeds_nothing(docs: Path) -> None:
    question = "When do standard parcels arrive?"
    ok("ingest", str(docs))
    (docs / "parcels.md").write_text("# Parcels\n\nStandard parcels arrive in five working days.\n")
    (docs / "new.md").write_text("# Returns\n\nReturns are free of charge within a month.\n")
    ok("ingest", str(docs))
    ok("documents", "delete", documents()["fees.md"])
    assert "five working days" in ok("ask", question)["answer"]
    assert ragkit("snapshots", "list").stdout.splitlines()[0].split("\t")[:2] == ["number", "documents"]
    assert [one["number"] for one in ok("snapshots", "list")["snapshots"]] == [3, 2, 1]
    changed = ragkit("snapshots", "diff", "1", "2").stdout
    assert [line.split("\t")[0] for line in changed.splitlines()] == ["change", "added", "changed"]
    kept = {Path(entry["uri"]).name: entry["kept"] for entry in ok("snapshots", "show", "1")["entries"]}
    assert kept == {"fees.md": False, "parcels.md": True}
    said = ragkit("snapshots", "rollback", "1").stdout
    assert "1 restored, 1 withdrawn. This is snapshot 4." in said
    assert "fees.md" in said, "what was deleted stays deleted and is named"
    assert "three working days" in ok("ask", question)["answer"]
    assert documents().keys() == {"parcels.md"}
    assert ok("verify")["consistent"] is True
    back = ok("snapshots", "rollback", "2")
    assert (back["restored"], len(back["deleted"])) == (2, 1)
    assert "five working days" in ok("ask", question)["answer"]


def containing(home: Path, word: str) -> list[Path]:
    """The files of a home, models apart, in which a word occurs in any case."""
    files = [path for path in home.rglob("*") if path.is_file() and "models" not in path.relative_to(home).parts]
    return [path for path in files if word.encode() in path.read_bytes().lower()]


def recorded_answers(home: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(home / "ragkit.db")) as database:
        return {json.loads(trace)["answer"]["answer"] for (trace,) in database.execute("SELECT trace FROM answers")}
