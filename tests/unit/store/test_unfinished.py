"""Uploads on their way, on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from ragkit.errors import Busy, Locked, NotFound, StorageError
from ragkit.store.arriving import KEPT, Upload
from ragkit.store.unfinished import MOST_OF_OWNER, Unfinished


@pytest.fixture
def uploads(tmp_path: Path) -> Unfinished:
    return Unfinished(tmp_path / "uploads")


def begin(uploads: Unfinished, owner: str = "rk_1", length: int = 6) -> Upload:
    return uploads.begin(owner=owner, name="a.md", collection="hr", length=length, metadata="filename YS5tZA==")


def written(uploads: Unfinished, upload: Upload, data: bytes) -> Upload:
    arriving = uploads.write(upload.id, upload.owner)
    try:
        arriving.write(data)
        return arriving.saved()
    finally:
        arriving.close()


def age(tmp_path: Path, upload: Upload) -> None:
    for file in (tmp_path / "uploads" / upload.id).iterdir():
        moment = file.stat().st_mtime - (KEPT + timedelta(minutes=1)).total_seconds()
        os.utime(file, (moment, moment))


def test_what_was_written_is_there_for_whoever_opens_it(tmp_path: Path, uploads: Unfinished) -> None:
    upload = begin(uploads)
    assert written(uploads, upload, b"abc").offset == 3
    again = Unfinished(tmp_path / "uploads")
    assert again.get(upload.id, "rk_1").offset == 3
    assert (tmp_path / "uploads" / upload.id).stat().st_mode & 0o777 == 0o700
    assert written(again, upload, b"def").offset == 6


def test_a_writer_that_is_killed_leaves_what_it_wrote_and_its_lock(tmp_path: Path, uploads: Unfinished) -> None:
    upload = begin(uploads)
    code = (
        "import os, signal, sys; from pathlib import Path; from ragkit.store.unfinished import Unfinished\n"
        "arriving = Unfinished(Path(sys.argv[1])).write(sys.argv[2], 'rk_1'); arriving.write(b'abcd')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "uploads", upload.id], check=False, timeout=60)
    assert done.returncode == -9
    assert uploads.get(upload.id, "rk_1").offset == 4
    assert written(uploads, upload, b"ef").offset == 6


def test_one_writes_at_a_time(uploads: Unfinished) -> None:
    upload = begin(uploads)
    arriving = uploads.write(upload.id, "rk_1")
    for refused in (uploads.write, uploads.remove):
        with pytest.raises(Locked, match="writing"):
            refused(upload.id, "rk_1")
    arriving.close()
    arriving.write(b"late")  # by a thread whose request was cancelled
    assert written(uploads, upload, b"abc").offset == 3


def test_what_has_become_a_job_keeps_no_bytes(tmp_path: Path, uploads: Unfinished) -> None:
    upload = begin(uploads, length=3)
    written(uploads, upload, b"abc")
    arriving = uploads.write(upload.id, "rk_1")
    assert arriving.finish("job_1").job_id == "job_1"
    arriving.take_back(0)
    arriving.close()
    told = uploads.get(upload.id, "rk_1")
    assert (told.offset, told.job_id) == (3, "job_1")
    assert {file.name for file in (tmp_path / "uploads" / upload.id).iterdir()} == {"state.json", "lock"}


@pytest.mark.parametrize("upload_id", ["", "..", "../x", "0" * 32, "0" * 31 + "G", "uploads.lock"])
def test_what_is_no_upload_is_not_found(uploads: Unfinished, upload_id: str) -> None:
    begin(uploads)
    for call in (uploads.get, uploads.write, uploads.remove):
        with pytest.raises(NotFound):
            call(upload_id, "rk_1")


def test_another_owner_finds_nothing(uploads: Unfinished) -> None:
    upload = begin(uploads)
    for call in (uploads.get, uploads.write, uploads.remove):
        with pytest.raises(NotFound, match=upload.id):
            call(upload.id, "rk_2")


def test_what_is_too_old_is_removed_unless_it_is_written_to(tmp_path: Path, uploads: Unfinished) -> None:
    old, written_to, new = begin(uploads), begin(uploads), begin(uploads)
    arriving = uploads.write(written_to.id, "rk_1")
    for one in (old, written_to):
        age(tmp_path, one)
    uploads.sweep()
    assert {one.id for one in (written_to, new)} == {
        place.name for place in (tmp_path / "uploads").iterdir() if place.is_dir()
    }
    arriving.write(b"abc")
    assert arriving.saved().offset == 3
    arriving.close()
    with pytest.raises(NotFound, match=old.id):
        uploads.get(old.id, "rk_1")


def test_the_upload_that_was_left_for_longest_makes_room(uploads: Unfinished, tmp_path: Path) -> None:
    begun = [begin(uploads) for _ in range(MOST_OF_OWNER)]
    writing = [uploads.write(one.id, "rk_1") for one in begun]
    with pytest.raises(Busy, match=str(MOST_OF_OWNER)):
        begin(uploads)
    begin(uploads, owner="rk_2")
    for one in writing:
        one.close()
    for file in (tmp_path / "uploads" / begun[3].id).iterdir():
        os.utime(file, (time.time() - 60, time.time() - 60))
    begin(uploads)
    with pytest.raises(NotFound):
        uploads.get(begun[3].id, "rk_1")
    assert all(uploads.get(one.id, "rk_1").offset == 0 for one in begun if one is not begun[3])


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("in the way")
    with pytest.raises(StorageError, match="could not be kept"):
        begin(Unfinished(tmp_path / "uploads"))
