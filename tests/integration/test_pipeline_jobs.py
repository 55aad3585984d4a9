"""Runs of pipelines as jobs: taken once, followed, paused, resumed, cancelled, retried, gone on with after a death."""

from __future__ import annotations

import datetime
import itertools
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit.errors import Conflict, NotFound
from ragkit.jobs.control import JobControl
from ragkit.jobs.ledger import JobLedger
from ragkit.jobs.locks import file_locks
from ragkit.jobs.worker import any_worker
from ragkit.service.planner import Planner, minutes
from ragkit.store.engine import Database
from ragkit.types import Job
from tests.integration.workers import began, ended, eventually, worker

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def control(database: Database, ledger: JobLedger) -> JobControl:
    return JobControl(database, ledger)


def start(ledger: JobLedger, name: str = "docs") -> Job:
    return ledger.add_pipeline(name, collection="shop")


def let(home: Path, *documents: int) -> None:
    for number in documents:
        (home / f"go-{number}").touch()


def live(home: Path) -> set[str]:
    return {file.name for file in (home / "live").iterdir()}


def stopped(ledger: JobLedger, job: Job, home: Path) -> Callable[[], bool]:
    """Lets one document after the other through until the job does not run any more."""
    numbers = itertools.count(1)

    def stopped() -> bool:
        let(home, next(numbers))
        time.sleep(0.3)
        return ledger.get(job.id).state != "running"

    return stopped


@BOTH
def test_a_pipeline_waits_for_one_run_at_most(ledger: JobLedger) -> None:
    first = start(ledger)
    assert start(ledger).id == first.id
    assert start(ledger, "other").id != first.id
    assert (first.kind, first.uri, first.state) == ("pipeline", "docs/", "queued")
    assert ledger.start(first.id)
    second = start(ledger)
    assert second.id != first.id
    # One run at a time: the second has to wait for the first.
    assert [work.job_id for work in ledger.ready()] == [job.id for job in ledger.list() if job.uri == "other/"]


@BOTH
def test_a_scheduled_minute_has_one_run_however_many_workers_ask(ledger: JobLedger) -> None:
    minute = datetime.datetime(2026, 5, 1, 12, 0)
    job = ledger.add_pipeline("docs", collection="shop", scheduled=minute)
    assert ledger.start(job.id)
    assert ledger.add_pipeline("docs", collection="shop", scheduled=minute).id == job.id
    assert len(ledger.list()) == 1
    later = ledger.add_pipeline("docs", collection="shop", scheduled=minute + datetime.timedelta(minutes=1))
    assert later.id != job.id


@BOTH
def test_a_run_is_paused_and_goes_on_where_it_was(ledger, control, tmp_path) -> None:
    job = start(ledger)
    with worker(tmp_path):
        let(tmp_path, 0)
        eventually(began(tmp_path, "docs/0"))
        assert control.pause(job.id).detail == "It pauses after the batch under way."
        eventually(stopped(ledger, job, tmp_path))
        assert ledger.get(job.id).state == "paused"
        assert len(live(tmp_path)) < 9
        (tmp_path / "go").touch()
        (tmp_path / "mended").touch()
        control.resume(job.id)
        eventually(ended(ledger, job))
    report = ledger.get(job.id).report
    assert report is not None
    assert (report.found, report.added + report.unchanged) == (10, 10)
    journal = (tmp_path / "journal").read_text().split()
    assert sorted(journal) == [f"docs/{n}" for n in range(10)]


def test_a_run_is_cancelled_and_what_is_live_stays(ledger, control, tmp_path) -> None:
    job = start(ledger)
    with worker(tmp_path):
        let(tmp_path, 0)
        eventually(began(tmp_path, "docs/0"))
        control.cancel(job.id)
        eventually(stopped(ledger, job, tmp_path))
        assert ledger.get(job.id).state == "cancelled"
        assert len(live(tmp_path)) < 9
        (tmp_path / "go").touch()
        after = start(ledger)
        eventually(ended(ledger, after))
    assert "0" in live(tmp_path)
    with pytest.raises(Conflict, match="cancelled"):
        control.pause(job.id)


def test_only_what_failed_is_tried_again(ledger, control, tmp_path) -> None:
    job = start(ledger)
    (tmp_path / "go").touch()
    with worker(tmp_path):
        eventually(ended(ledger, job))
        first = ledger.get(job.id)
        assert first.report is not None
        assert first.state == "done"
        assert [failure.uri for failure in first.report.failed] == ["docs/3"]
        (tmp_path / "mended").touch()
        again = control.retry(job.id)
        assert (again.state, again.progress) == ("queued", None)
        eventually(ended(ledger, job))
    last = ledger.get(job.id)
    assert last.report is not None
    assert (last.report.found, last.report.added, last.report.failed, last.error) == (10, 10, (), None)
    assert last.progress is not None
    assert last.progress.found == 1
    assert (tmp_path / "journal").read_text().split().count("docs/4") == 1
    with pytest.raises(Conflict, match="nothing in it has failed"):
        control.retry(job.id)


@BOTH
def test_a_killed_worker_s_run_goes_on_after_its_last_document(ledger, tmp_path) -> None:
    job = start(ledger)
    (tmp_path / "mended").touch()
    with worker(tmp_path) as first:
        let(tmp_path, 0, 1, 2)
        eventually(began(tmp_path, "docs/2"))
        first.send_signal(signal.SIGKILL)
        first.wait()
    (tmp_path / "go").touch()
    with worker(tmp_path):
        eventually(ended(ledger, job))
    report = ledger.get(job.id).report
    assert report is not None
    assert (report.found, report.failed) == (10, ())
    assert report.unchanged >= 2
    journal = (tmp_path / "journal").read_text().split()
    assert [journal.count(f"docs/{n}") for n in (0, 1)] == [1, 1]


def test_a_worker_that_is_stopped_hands_its_run_on(ledger, tmp_path) -> None:
    job = start(ledger)
    (tmp_path / "mended").touch()
    with worker(tmp_path) as first:
        let(tmp_path, 0)
        eventually(began(tmp_path, "docs/0"))
        first.terminate()
        eventually(stopped(ledger, job, tmp_path))
        first.wait()
    assert len(live(tmp_path)) < 10
    (tmp_path / "go").touch()
    with worker(tmp_path):
        eventually(ended(ledger, job))
    assert ledger.get(job.id).state == "done"


@BOTH
def test_jobs_that_wait_are_paused_and_cancelled_at_once(ledger, control) -> None:
    job = start(ledger)
    assert control.pause(job.id).state == "paused"
    assert control.pause(job.id).state == "paused"
    assert ledger.ready() == ()
    other = start(ledger)
    with pytest.raises(Conflict, match="waits to start already"):
        control.resume(job.id)
    assert control.cancel(other.id).state == "cancelled"
    assert control.resume(job.id).state == "queued"
    assert control.cancel(job.id).state == "cancelled"
    assert control.cancel(job.id).state == "cancelled"
    with pytest.raises(Conflict):
        control.resume(job.id)
    with pytest.raises(NotFound):
        control.pause("job_nope")


def test_whether_a_worker_is_there(ledger, tmp_path) -> None:
    locks = file_locks(tmp_path / "workers")
    assert not any_worker(locks)
    with worker(tmp_path):
        eventually(lambda: any_worker(locks))


def test_schedules_start_each_run_once(ledger, tmp_path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "hourly.toml").write_text('source = "."\nschedule = "0 * * * *"\ncollection = "shop"')
    (folder / "never.toml").write_text('source = "."')
    locks = file_locks(tmp_path / "workers")
    two = [Planner(folder, ledger, locks, settle_s=0.1) for _ in range(2)]
    noon = datetime.datetime(2026, 5, 1, 12, 0)
    for planner in two:
        planner.plan(noon - datetime.timedelta(seconds=90), noon + datetime.timedelta(seconds=30))
    (job,) = ledger.list()
    assert (job.uri, job.collection) == ("hourly/", "shop")
    (folder / "broken.toml").write_text("source = ")
    two[0].plan(noon, noon + datetime.timedelta(hours=2))
    assert len(ledger.list()) == 1


def test_a_folder_is_followed_from_when_its_file_says_so(ledger, tmp_path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "one.toml").write_text('source = "."\nwatch = tru')
    stop = threading.Event()
    Planner(folder, ledger, file_locks(tmp_path / "locks"), settle_s=0.1, look_again_s=0.1).start(stop)
    try:
        (folder / "one.toml").write_text('source = "."\nwatch = true')
        eventually(lambda: [job.uri for job in ledger.list()] == ["one/"])
        (folder / "two.toml").write_text('source = "."\nwatch = true')
        eventually(lambda: {job.uri for job in ledger.list()} == {"one/", "two/"})
    finally:
        stop.set()


def test_minutes_between_two_moments() -> None:
    noon = datetime.datetime(2026, 5, 1, 12, 0)
    second = datetime.timedelta(seconds=1)
    assert list(minutes(noon - second, noon)) == [noon]
    assert list(minutes(noon, noon + 59 * second)) == []
    assert list(minutes(noon, noon + 60 * second)) == [noon + 60 * second]
