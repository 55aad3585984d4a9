"""Durable work: what was accepted is done, whatever happens to the workers."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import InputError, NotFound, TooLarge
from ragkit.jobs.ledger import JobLedger
from ragkit.jobs.locks import file_locks
from ragkit.jobs.uploads import accept_upload, upload_uri
from ragkit.store.files import FileStore
from ragkit.types import Failure, IngestReport, Job
from tests.integration.workers import began, ended, eventually, worker


@pytest.fixture
def upload(ledger: JobLedger, tmp_path: Path) -> Callable[[str], Job]:
    files = FileStore(tmp_path / "files")
    return lambda name: accept_upload(ledger, files, name=name, data=b"text", collection="shop", max_bytes=100)


def test_jobs_accepted_before_any_worker_ran_are_done_when_one_starts(ledger, upload, tmp_path):
    jobs = [upload(f"{n}.md") for n in range(5)]
    assert [job.state for job in ledger.list()] == ["queued"] * 5
    with worker(tmp_path):
        eventually(ended(ledger, *jobs))
        late = upload("late.md")
        eventually(ended(ledger, late))
    for job in (*jobs, late):
        assert ledger.get(job.id).state == "done"
        assert ledger.get(job.id).report == IngestReport(found=1, added=1, chunks=3)
    journal = (tmp_path / "journal").read_text().split()
    assert sorted(journal) == sorted([*(f"{n}.md" for n in range(5)), "late.md"])


def test_the_jobs_of_a_collection_are_not_hidden_by_those_of_another(ledger):
    mine, _, other, last = (
        ledger.add_pipeline(str(n), collection=name) for n, name in enumerate(("hr", "shop", "shop", "hr"))
    )
    assert [job.id for job in ledger.list(limit=2, only=["hr"])] == [last.id, mine.id]
    assert [job.id for job in ledger.list(limit=2)] == [last.id, other.id]
    assert [job.id for job in ledger.list(limit=1, before=last.id, only=["hr"])] == [mine.id]
    with pytest.raises(NotFound):
        ledger.list(before="job_x")


def test_a_worker_killed_in_the_middle_loses_nothing(ledger, upload, tmp_path):
    job = upload("hold.md")
    with worker(tmp_path) as first:
        eventually(began(tmp_path, "hold.md"))
        assert ledger.get(job.id).state == "running"
        first.send_signal(signal.SIGKILL)
        first.wait()
    (tmp_path / "go").touch()
    with worker(tmp_path):
        eventually(ended(ledger, job))
    assert ledger.get(job.id).state == "done"


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_a_living_worker_takes_over_from_a_dead_one(ledger, upload, tmp_path):
    job = upload("hold.md")
    with worker(tmp_path) as first:
        eventually(began(tmp_path, "hold.md"))
        with worker(tmp_path):
            # The second worker is up once it does work of its own.
            other = upload("other.md")
            eventually(ended(ledger, other))
            assert not began(tmp_path, "hold.md", 2)()
            first.send_signal(signal.SIGKILL)
            first.wait()
            eventually(began(tmp_path, "hold.md", 2))
            (tmp_path / "go").touch()
            eventually(ended(ledger, job))
    assert ledger.get(job.id).state == "done"


def test_a_file_that_kills_every_worker_is_given_up_and_others_go_on(ledger, upload, tmp_path):
    job = upload("kill.md")
    for _ in range(20):
        with worker(tmp_path) as process:
            eventually(lambda: process.poll() is not None or ended(ledger, job)())
            if process.poll() is None:
                other = upload("other.md")
                eventually(ended(ledger, other))
                break
    assert ledger.get(job.id).state == "failed"
    assert "died again and again" in (ledger.get(job.id).error or "")
    assert ledger.get(other.id).state == "done"


def test_errors_end_as_failed_jobs_and_passing_ones_are_tried_again(ledger, upload, tmp_path):
    broken, bug, flaky = upload("broken.md"), upload("bug.md"), upload("flaky.md")
    with worker(tmp_path):
        eventually(ended(ledger, broken, bug, flaky))
    assert ledger.get(broken.id).error == "'broken.md' is damaged."
    assert ledger.get(bug.id).state == "failed"
    assert "secret" not in (ledger.get(bug.id).error or "")
    assert ledger.get(flaky.id).state == "done"


def test_uploads_of_one_name_are_ingested_one_after_the_other(ledger, upload, tmp_path):
    first, second, other = upload("hold.md"), upload("hold.md"), upload("other.md")
    with worker(tmp_path):
        eventually(ended(ledger, other))
        assert not began(tmp_path, "hold.md", 2)()
        assert ledger.get(second.id).state == "queued"
        (tmp_path / "go").touch()
        eventually(ended(ledger, first, second))
    assert ledger.get(first.id).updated_at <= ledger.get(second.id).updated_at


def test_a_job_whose_workflow_was_lost_is_queued_again(ledger, upload, tmp_path):
    job = upload("hold.md")
    with worker(tmp_path) as first:
        eventually(began(tmp_path, "hold.md"))
        first.send_signal(signal.SIGKILL)
        first.wait()
    for file in tmp_path.glob("jobs.db*"):
        file.unlink()
    (tmp_path / "go").touch()
    with worker(tmp_path):
        eventually(ended(ledger, job))
    assert ledger.get(job.id).state == "done"


def test_what_has_ended_stays_as_it_ended(ledger, upload):
    job = upload("a.md")
    ledger.finish(job.id, IngestReport(found=1, failed=(Failure(uri=job.uri, code="parse_failed", detail="Bad."),)))
    assert (ledger.get(job.id).state, ledger.get(job.id).error) == ("failed", "Bad.")
    ledger.start(job.id)
    ledger.fail(job.id, "late")
    assert (ledger.get(job.id).state, ledger.get(job.id).error) == ("failed", "Bad.")
    with pytest.raises(NotFound, match="job_nope"):
        ledger.get("job_nope")


def test_uploads_that_cannot_be_accepted_are_refused(ledger, tmp_path):
    files = FileStore(tmp_path / "files")
    with pytest.raises(TooLarge, match="101 bytes"):
        accept_upload(ledger, files, name="a.md", data=b"x" * 101, collection="c", max_bytes=100)
    with pytest.raises(InputError, match="empty"):
        accept_upload(ledger, files, name="a.md", data=b"", collection="c", max_bytes=100)
    assert ledger.list() == ()


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("handbook.pdf", "upload://handbook.pdf"),
        ("../../etc/passwd", "upload://passwd"),
        ("C:\\Users\\me\\café.docx", "upload://café.docx"),
        ("a\x00b\n.md", "upload://ab.md"),
        ("  spaced name.txt ", "upload://spaced name.txt"),
        ("cafe\u0301.txt", "upload://caf\u00e9.txt"),
    ],
)
def test_upload_names_are_made_safe(name, uri):
    assert upload_uri(name) == uri


@pytest.mark.parametrize("name", ["", "..", "/", "\x00", "folder/"])
def test_names_of_nothing_are_refused(name):
    with pytest.raises(InputError, match="usable file name"):
        upload_uri(name)


@given(st.text())
def test_any_name_is_refused_or_safe(name):
    try:
        safe = upload_uri(name).removeprefix("upload://")
    except InputError:
        return
    assert safe
    assert len(safe) <= 200
    assert safe.isprintable() or " " in safe or any(c.isspace() for c in safe)
    assert not {"/", "\\", "\n", "\x00"} & set(safe)
    assert safe not in {".", ".."}


def test_a_lock_is_held_once_and_free_again_after_release(tmp_path):
    try_lock = file_locks(tmp_path)
    release = try_lock("worker-1")
    assert release is not None
    assert try_lock("worker-1") is None
    release()
    again = try_lock("worker-1")
    assert again is not None
    again()
