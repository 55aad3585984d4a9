"""Which files a client uploads, under which names, and its one report of many jobs."""

from __future__ import annotations

import os

import pytest

from ragkit.client.uploads import files_of, opened, report_of, total
from ragkit.errors import InputError, ParseFailed
from ragkit.testing.resources import THEN
from ragkit.types import Failure, IngestReport, Job


def test_folders_are_walked_and_equal_names_stay_apart(tmp_path):
    for name in ("a/readme.md", "b/c/readme.md", "top.txt", ".hidden/x.md", "a/.dot"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = files_of([tmp_path])
    assert {name: path.read_text() for name, path in found.items()} == {
        "a__readme.md": "a/readme.md",
        "b__c__readme.md": "b/c/readme.md",
        "top.txt": "top.txt",
    }
    assert files_of([str(tmp_path / "top.txt"), tmp_path / "top.txt"]) == {"top.txt": tmp_path / "top.txt"}


def test_two_files_of_one_name_are_refused_before_anything_is_sent(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.md").touch()
    with pytest.raises(InputError, match=r"'x\.md'"):
        files_of([tmp_path / "a" / "x.md", tmp_path / "b" / "x.md"])


def test_names_in_any_bytes_can_be_sent(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("Coffee.")
    (name,) = files_of([tmp_path])
    assert name.encode() == b"caf?.md"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ParseFailed, match=r"gone\.md"), opened(tmp_path / "gone.md"):
        pass


def test_a_path_that_leads_nowhere_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        files_of([tmp_path / "nowhere"])


def test_reports_add_up():
    failure = Failure(uri="upload://b", code="parse_failed", detail="Bad.")
    both = total(
        [
            IngestReport(found=1, added=1, chunks=3, embedded=2, seconds=9.0),
            IngestReport(found=1, failed=(failure,)),
        ],
        seconds=1.5,
    )
    assert both == IngestReport(found=2, added=1, chunks=3, embedded=2, failed=(failure,), seconds=1.5)


def test_a_job_without_a_report_counts_as_a_failed_file():
    job = Job(
        id="j",
        kind="ingest",
        state="failed",
        collection="c",
        uri="upload://a",
        report=None,
        error="It broke.",
        created_at=THEN,
        updated_at=THEN,
    )
    assert report_of(job).failed == (Failure(uri="upload://a", code="internal", detail="It broke."),)
