"""Pipelines, dry runs, pruning and following folders, as an operator meets them."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.running import RAGKIT, ok, ragkit

FACTS = {f"fact{n}.md": f"# Fact {n}\n\nDoor number {n} is opened with key {n}.\n" for n in range(6)}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in FACTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def pipelines(tmp_path: Path) -> Path:
    folder = tmp_path / "ingest" / "pipelines"
    folder.mkdir(parents=True)
    return folder


def test_a_dry_run_tells_what_would_happen_and_changes_nothing(docs: Path, pipelines: Path) -> None:
    (pipelines / "doors.toml").write_text(f'source = "{docs}"\nprune = true\n')
    report = ok("ingest", "--dry-run")
    assert (report["found"], report["added"], report["embedded"]) == (6, 6, 0)
    assert {"uri": "doors/fact0.md", "outcome": "added"} in report["documents"]
    assert ok("ingest")["added"] == 6
    (docs / "fact0.md").unlink()
    (docs / "fact1.md").rename(docs / "renamed.md")
    (docs / "fact2.md").write_text("Door number 2 is open.")
    said = ragkit("ingest", "--dry-run").stdout
    for outcome, name in (("deleted", "fact0.md"), ("moved", "renamed.md"), ("updated", "fact2.md")):
        assert f"{outcome:11} doors/{name}\n" in said
    assert "unchanged   " not in said
    assert {d["uri"] for d in ok("documents", "list")["documents"]} == {f"doors/{name}" for name in FACTS}


def test_what_vanished_all_at_once_is_pruned_only_when_forced(docs: Path, pipelines: Path) -> None:
    (pipelines / "doors.toml").write_text(f'source = "{docs}"\nprune = true\n')
    ok("ingest")
    for name in list(FACTS)[:3]:
        (docs / name).unlink()
    refused = ragkit("ingest")
    assert refused.returncode == 1
    assert "3 of the 6 documents" in refused.stderr
    assert "--force" in refused.stderr
    assert len(ok("documents", "list")["documents"]) == 6
    docs.rename(docs.with_name("unmounted"))
    missing = ragkit("ingest", "--force")
    assert (missing.returncode, "is not there" in missing.stderr) == (1, True)
    docs.with_name("unmounted").rename(docs)
    assert ok("ingest", "--force")["deleted"] == 3


def test_a_pipeline_that_cannot_run_does_not_stop_the_others(docs: Path, pipelines: Path) -> None:
    (pipelines / "a-broken.toml").write_text('source = "/nowhere"\n')
    (pipelines / "b-doors.toml").write_text(f'bucket = "file://{docs}"\n[chunks]\ntokens = 64\n')
    (docs / "fact0.md.meta.json").write_text('{"title": "The first door", "date": "3 March 2026"}')
    done = ragkit("ingest")
    assert done.returncode == 1
    assert "pipeline 'a-broken': The folder '/nowhere' is not there." in done.stderr
    assert "6 added" in done.stdout
    (document,) = [d for d in ok("documents", "list")["documents"] if d["uri"] == "b-doors/fact0.md"]
    assert document["title"] == "The first door"
    (pipelines / "a-broken.toml").unlink()
    again = ok("ingest")
    assert (again["found"], again["unchanged"]) == (6, 6)


def test_every_mistake_of_the_pipeline_files_is_told_before_anything_runs(docs: Path, pipelines: Path) -> None:
    (pipelines / "a.toml").write_text(f'source = "{docs}"\n')
    (pipelines / "b.toml").write_text('prun = true\nschedule = "daily"\n')
    done = ragkit("ingest")
    assert done.returncode == 1
    assert "b.toml', line 1: 'prun' is not a key; 'prune' is." in done.stderr
    assert "b.toml', line 2: 'schedule' must have five fields" in done.stderr
    assert ok("collections", "list")["collections"] == []


def test_a_followed_folder_is_ingested_as_it_changes_until_ctrl_c(docs: Path, pipelines: Path) -> None:
    (pipelines / "doors.toml").write_text(f'source = "{docs}"\n')
    process = subprocess.Popen(
        [RAGKIT, "ingest", "--watch"],
        env=os.environ | {"NO_COLOR": "1", "RAGKIT_SETTLE_S": "0.2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert "6 added" in process.stdout.readline()
    (docs / "late.md").write_text("Door number 7 is opened with a card.")
    assert "1 added, 6 unchanged" in process.stdout.readline()
    (docs / "late.md").rename(docs / "moved.md")
    assert "1 moved" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_following_goes_with_neither_a_dry_run_nor_json(docs: Path) -> None:
    assert ragkit("ingest", str(docs), "--watch", "--dry-run").returncode == 2
    assert ragkit("ingest", str(docs), "--watch", "--json").returncode == 2
