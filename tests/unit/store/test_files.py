from __future__ import annotations

import hashlib
import os
import resource
import tempfile
from pathlib import Path

import pytest

from ragkit.errors import NotFound, StorageError
from ragkit.store.files import FileStore


def test_equal_bytes_are_kept_once(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    assert store.put(b"abc") == store.put(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert len([path for path in (tmp_path / "files").rglob("*") if path.is_file()]) == 1
    assert store.get(store.put(b"abc")) == b"abc"


def test_a_file_is_kept_without_a_second_copy(tmp_path: Path) -> None:
    store, file = FileStore(tmp_path / "files"), tmp_path / "part"
    file.write_bytes(b"abc")
    os.utime(file, (0, 0))
    sha256 = store.put_file(file)
    assert store.put_file(file) == sha256 == hashlib.sha256(b"abc").hexdigest()
    assert store.path(sha256).samefile(file)
    assert store.settled() == set(), "its use may not be recorded yet"
    file.unlink()
    assert store.get(sha256) == b"abc"


def test_a_file_of_another_file_system_is_copied(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.write(b"abc")
        file.flush()
        assert store.get(store.put_file(Path(file.name))) == b"abc"


def test_a_deleted_file_is_gone_and_says_so(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    sha256 = store.put(b"abc")
    store.delete(sha256)
    store.delete(sha256)
    with pytest.raises(NotFound, match="gone"):
        store.get(sha256)


def test_what_cannot_be_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(StorageError, match="could not be kept"):
            FileStore(tmp_path / "files").put(b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


def test_what_a_crash_left_half_written_is_found(tmp_path: Path) -> None:
    half = tmp_path / "files" / "ab" / ".half-x1"
    half.parent.mkdir(parents=True)
    half.write_text("ab")
    os.utime(half, (0, 0))
    half.with_name(".gitkeep").write_text("somebody else's")
    os.utime(half.with_name(".gitkeep"), (0, 0))
    store = FileStore(tmp_path / "files")
    assert store.settled() == {".half-x1"}
    store.delete(".half-x1")
    assert [path.name for path in half.parent.iterdir()] == [".gitkeep"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(StorageError, match="could not be kept"):
        FileStore(tmp_path / "files").put(b"abc")


def test_what_is_uploaded_again_is_not_taken_for_old(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    sha256 = store.put(b"abc")
    os.utime(store.path(sha256), (0, 0))
    assert store.settled() == {sha256}
    store.put(b"abc")
    assert store.settled() == set()


def test_a_file_that_another_purge_removed_meanwhile_is_passed_over(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    store.path("0" * 64).parent.mkdir(parents=True)
    store.path("0" * 64).symlink_to("gone")  # listed, and not there
    assert store.settled() == set()
