"""A service and the command line on one `RAGKIT_HOME`, in either order, and when Chroma's server is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragkit import Client
from tests.running import RAGKIT, free_port, ok, running


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "refunds.md").write_text("# Refunds\n\nGift cards are not refundable.\n")
    return folder


@contextmanager
def serving() -> Iterator[Client]:
    """A service on this test's `RAGKIT_HOME`."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with running(["ragkit", "serve", "--port", str(port)], answers_at=f"{url}/readyz"), Client(url) as client:
        yield client


@pytest.fixture
def service(docs: Path) -> Iterator[Client]:
    with serving() as client:
        yield client


def _upload(client: Client, name: str, text: str, collection: str = "default") -> None:
    job = client.documents.upload(name, text.encode(), collection=collection)
    deadline = time.monotonic() + 60
    while (seen := client.jobs.get(job.id)).state in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (seen.state, seen.report and seen.report.added) == ("done", 1)


def _finds(client: Client, query: str, words: str) -> bool:
    return any(words in hit.text for hit in client.search(query, mode="dense").hits)


def test_what_the_command_line_ingests_is_found_by_the_running_service(service: Client, docs: Path) -> None:
    ok("ingest", str(docs))
    assert _finds(service, "are gift cards refundable", "not refundable")
    (docs / "lift.md").write_text("# Lift\n\nThe goods lift carries eight hundred kilograms at most.\n")
    assert ok("ingest", str(docs))["added"] == 1
    assert _finds(service, "how much may the goods lift carry", "eight hundred")
    (docs / "lift.md").write_text("# Lift\n\nThe goods lift carries nine hundred kilograms at most.\n")
    assert ok("ingest", str(docs))["updated"] == 1
    assert _finds(service, "how much may the goods lift carry", "nine hundred")
    assert not _finds(service, "how much may the goods lift carry", "eight hundred")


def test_a_service_that_is_started_during_an_ingest_works(docs: Path) -> None:
    for n in range(150):
        boxes = " ".join(f"Shelf number {n} holds box {box}." for box in range(n * 40, n * 40 + 40))
        (docs / f"{n}.md").write_text(f"# Shelf {n}\n\n{boxes}")
    ingest = subprocess.Popen([RAGKIT, "ingest", docs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with serving() as client:
            assert ingest.wait(250) == 0
            # The ingest may have owned Chroma's server, which ended with it.
            assert _finds(client, "what does shelf number 77 hold", "box 3090")
    finally:
        ingest.kill()
        ingest.wait()


def test_chroma_killed_under_the_service_comes_back_by_itself(service: Client, home: Path) -> None:
    _upload(service, "refunds.txt", "Gift cards are not refundable.")
    os.kill(json.loads((home / "chroma" / "server.json").read_text())["pid"], signal.SIGKILL)
    _upload(service, "hours.txt", "The museum opens at ten and closes at six.")
    assert _finds(service, "are gift cards refundable", "not refundable")
    assert _finds(service, "when does the museum open", "opens at ten")


def test_a_chroma_whose_files_are_broken_is_rebuilt_without_the_model(docs: Path, home: Path) -> None:
    ok("ingest", str(docs))
    broken = [path for path in (home / "chroma").rglob("*") if path.suffix in (".bin", ".sqlite3")]
    assert broken
    for path in broken:
        path.write_bytes(b"garbage")
    with serving() as client:
        assert _finds(client, "are gift cards refundable", "not refundable")


def test_an_upload_becomes_an_answer(service: Client) -> None:
    _upload(service, "hours.txt", "The museum opens at ten and closes at six.", collection="museum")
    answer = service.ask("When does the museum open?", collection="museum")
    assert answer.citations[0].uri == "upload://hours.txt"
