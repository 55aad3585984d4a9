"""Jobs of a real service with a real worker, through the SDK."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit import Client
from ragkit.errors import Conflict, NotFound
from ragkit.types import Job
from tests.running import BIN, free_port, running

DEADLINE_S = 120


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pipelines with one in it, which follows the folder `inbox`."""
    folder = tmp_path / "pipelines"
    (tmp_path / "inbox").mkdir()
    folder.mkdir()
    (folder / "inbox.toml").write_text('source = "../inbox"\ncollection = "shop"\nwatch = true\n')
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "cards.md").write_text("# Cards\n\nGift cards are not refundable.\n")
    (tmp_path / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    (folder / "docs.toml").write_text('source = "../docs"\ncollection = "shop"\n')
    monkeypatch.setenv("RAGKIT_PIPELINES", str(folder))
    return folder


def eventually(look: Callable[[], Job | None]) -> Job:
    deadline = time.monotonic() + DEADLINE_S
    while (found := look()) is None:
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
    return found


def test_pipelines_are_started_followed_and_tried_again(pipelines: Path, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    with running(["ragkit", "serve", "--port", str(port)], answers_at=f"{url}/healthz"), Client(url) as client:
        job = client.jobs.start("docs")
        shown = subprocess.run(
            [BIN / "ragkit", "jobs", "show", job.id, "--follow", "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(shown.stdout)["state"] == "done"
        done = client.jobs.get(job.id)
        assert done.report is not None
        assert (done.report.found, done.report.added) == (2, 1)
        assert [failure.uri for failure in done.report.failed] == ["docs/broken.pdf"]
        assert done.progress is not None
        assert (done.progress.found, done.progress.done, done.progress.failed) == (2, 2, 1)
        assert client.search("gift cards", collection="shop").hits[0].uri == "docs/cards.md"

        (tmp_path / "docs" / "broken.pdf").unlink()
        client.jobs.retry(job.id)
        again = eventually(lambda: found if (found := client.jobs.get(job.id)).state == "done" else None)
        assert again.report is not None
        assert (again.report.found, again.report.failed) == (1, ())
        with pytest.raises(Conflict, match="nothing in it has failed"):
            client.jobs.retry(job.id)
        with pytest.raises(Conflict, match="done"):
            client.jobs.cancel(job.id)
        with pytest.raises(NotFound, match="no pipeline"):
            client.jobs.start("../docs")

        (tmp_path / "inbox" / "lift.md").write_text("# Lift\n\nThe lift carries 800 kg.\n")

        def arrived() -> Job | None:
            jobs = [job for job in client.jobs.list() if job.uri == "inbox/" and job.report and job.report.added]
            return jobs[0] if jobs else None

        eventually(arrived)


def test_a_job_that_nobody_takes_up_says_so(pipelines: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    serve = ["ragkit", "serve", "--no-worker", "--port", str(port)]
    with running(serve, answers_at=f"{url}/readyz"), Client(url) as client:
        job = client.jobs.start("docs")
        assert client.jobs.start("docs").id == job.id
        waiting = client.jobs.get(job.id)
        assert waiting.state == "queued"
        assert "No worker is running" in (waiting.detail or "")
        with urllib.request.urlopen(f"{url}/readyz") as response:
            readiness = json.load(response)
        assert readiness["ready"] is True
        assert "No worker is running" in readiness["parts"]["worker"]
        assert client.jobs.pause(job.id).state == "paused"
        assert client.jobs.resume(job.id).state == "queued"
        assert client.jobs.cancel(job.id).state == "cancelled"
