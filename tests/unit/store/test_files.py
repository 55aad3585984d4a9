from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ragkit.errors import NotFound, StorageError
from ragkit.store.files import FileStore


def test_equal_bytes_are_kept_once(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    assert store.put(b"abc") == store.put(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert len([path for path in (tmp_path / "files").rglob("*") if path.is_file()]) == 1
    assert store.get(store.put(b"abc")) == b"abc"


def test_a_deleted_file_is_gone_and_says_so(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    sha256 = store.put(b"abc")
    store.delete(sha256)
    store.delete(sha256)
    with pytest.raises(NotFound, match="gone"):
        store.get(sha256)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(StorageError, match="could not be kept"):
        FileStore(tmp_path / "files").put(b"abc")
