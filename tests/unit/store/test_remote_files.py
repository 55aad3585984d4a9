"""Originals in a store by its address: fsspec's own in memory stands for S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from ragkit.errors import ConfigError, MissingExtra, NotFound, StorageError
from ragkit.settings import load
from ragkit.store.files import Files, FileStore, open_files

SHA256 = hashlib.sha256(b"abc").hexdigest()


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    memory = MemoryFileSystem()
    yield memory
    if memory.exists("/b"):
        memory.rm("/b", recursive=True)


@pytest.fixture(params=["memory://b/originals", "file://{}"])
def files(request: pytest.FixtureRequest, tmp_path: Path, memory: MemoryFileSystem) -> Files:
    return open_files(request.param.format(tmp_path / "originals"), home=tmp_path / "home")


def test_what_is_kept_is_at_hand_until_it_is_deleted(files: Files) -> None:
    assert files.missing([SHA256]) == {SHA256}
    assert files.put(b"abc") == files.put(b"abc") == SHA256
    assert files.missing([SHA256, "0" * 64]) == {"0" * 64}
    with files.at_hand(SHA256) as path:
        assert path.read_bytes() == b"abc" == files.get(SHA256)
    files.delete(SHA256)
    files.delete(SHA256)
    assert files.missing([SHA256]) == {SHA256}


def test_a_file_is_kept_as_its_bytes_are(files: Files, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"abc")
    assert files.put_file(tmp_path / "part") == SHA256
    assert files.get(SHA256) == b"abc" == (tmp_path / "part").read_bytes()


def test_a_copy_stays_no_longer_than_it_is_needed(tmp_path: Path, memory: MemoryFileSystem) -> None:
    files = open_files("memory://b/originals", home=tmp_path / "home")
    with files.at_hand(files.put(b"abc")) as path:
        assert path.is_relative_to(tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_what_is_gone_or_damaged_is_not_taken_for_the_original(tmp_path: Path, memory: MemoryFileSystem) -> None:
    files = open_files("memory://b/originals", home=tmp_path)
    with pytest.raises(NotFound, match="gone"), files.at_hand(SHA256):
        pass
    files.put(b"abc")
    memory.pipe_file(f"/b/originals/{SHA256[:2]}/{SHA256}", b"abd")
    with pytest.raises(StorageError, match="damaged"), files.at_hand(SHA256):
        pass


def test_only_old_files_of_ours_are_settled(tmp_path: Path, memory: MemoryFileSystem) -> None:
    files = open_files("memory://b/originals", home=tmp_path)
    files.put(b"abc")
    memory.pipe_file("/b/originals/report.pdf", b"somebody else's")
    assert files.settled() == set()
    for file in memory.store.values():
        file.created = datetime.now(UTC) - timedelta(hours=2)
    assert files.settled() == {SHA256}
    files.put(b"abc")
    assert files.settled() == set(), "it is used again"


@pytest.mark.parametrize("url", ["s3://", "bucket/folder"])
def test_an_address_that_is_none_is_told_when_settings_are_read(url: str) -> None:
    with pytest.raises(ConfigError, match="RAGKIT_FILES_URL"):
        load(files_url=url)


def test_a_store_that_no_package_knows_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="RAGKIT_FILES_URL"):
        open_files("nonsense://b", home=tmp_path).put(b"abc")
    with pytest.raises(MissingExtra, match="gs://"):
        open_files("gs://b", home=tmp_path).put(b"abc")


def test_by_default_originals_are_at_home(tmp_path: Path) -> None:
    files = open_files(None, home=tmp_path)
    assert isinstance(files, FileStore)
    files.put(b"abc")
    assert (tmp_path / "files" / SHA256[:2] / SHA256).is_file()
