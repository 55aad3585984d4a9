"""Backups of a home, and what they are put back into."""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from ragkit.errors import Conflict, InputError, StorageError
from ragkit.store.backup import back_up, restore
from ragkit.store.engine import Database
from ragkit.store.files import FileStore
from tests.schemas import ROWS, write_first_schema


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A home of the first version, with one original file."""
    folder = tmp_path / "full"
    FileStore(folder / "files").put(b"an original")
    write_first_schema(f"sqlite:///{folder / 'ragkit.db'}")
    return folder


def tables(home: Path) -> dict[str, int]:
    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database, database.read() as connection:
        return {table: connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() for table in ROWS}


def test_a_backup_of_an_earlier_version_is_restored_with_every_row_and_file(full: Path, tmp_path: Path) -> None:
    made = back_up(full, tmp_path / "a.tar.gz")
    assert (made.schema, made.files) == ("0001", 1)
    new = tmp_path / "new"
    assert restore(tmp_path / "a.tar.gz", new) == made
    assert tables(new) == dict.fromkeys(ROWS, 1)
    (original,) = (new / "files").glob("??/*")
    assert original.read_bytes() == b"an original"
    assert not list(new.glob(".restore*"))


def test_a_backup_is_the_state_of_one_moment_while_others_write(full: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(full / "ragkit.db")) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("UPDATE documents SET uri = 's/half.md'")  # not committed
        back_up(full, tmp_path / "a.tar.gz")
        writer.rollback()
    restore(tmp_path / "a.tar.gz", tmp_path / "new")
    with closing(sqlite3.connect(tmp_path / "new" / "ragkit.db")) as catalog:
        assert catalog.execute("SELECT uri FROM documents").fetchall() == [("s/a.md",)]


def test_only_this_user_may_read_a_backup(full: Path, tmp_path: Path) -> None:
    back_up(full, tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").stat().st_mode & 0o777 == 0o600


def test_nothing_is_replaced(full: Path, tmp_path: Path) -> None:
    back_up(full, tmp_path / "a.tar.gz")
    with pytest.raises(Conflict, match="is there already"):
        back_up(full, tmp_path / "a.tar.gz")
    with pytest.raises(Conflict, match="has a catalog"):
        restore(tmp_path / "a.tar.gz", full)


def test_without_a_catalog_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no catalog"):
        back_up(tmp_path / "empty", tmp_path / "a.tar.gz")


def test_a_damaged_catalog_is_not_backed_up(full: Path, tmp_path: Path) -> None:
    (full / "ragkit.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(StorageError):
        back_up(full, tmp_path / "a.tar.gz")
    assert not (tmp_path / "a.tar.gz").exists()


@pytest.mark.parametrize("damage", ["missing", "no archive", "cut", "flipped", "other"])
def test_of_a_damaged_archive_nothing_is_restored(full: Path, tmp_path: Path, damage: str) -> None:
    archive, new = tmp_path / "a.tar.gz", tmp_path / "new"
    back_up(full, archive)
    whole = archive.read_bytes()
    if damage == "missing":
        archive.unlink()
    elif damage == "other":
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(full / "ragkit.db", "ragkit.db")
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]
        archive.write_bytes({"no archive": b"hello", "cut": whole[:middle], "flipped": flipped}[damage])
    with pytest.raises(InputError):
        restore(archive, new)
    assert not (new / "ragkit.db").exists()


def test_a_path_that_leads_out_of_the_home_is_not_followed(full: Path, tmp_path: Path) -> None:
    back_up(full, tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as old, tarfile.open(tmp_path / "b.tar.gz", "w:gz") as evil:
        for member in old:
            content = old.extractfile(member)
            if member.name.startswith("files/"):
                member.name = "files/../../../escaped"
            evil.addfile(member, content)
    restore(tmp_path / "b.tar.gz", tmp_path / "new")
    assert not (tmp_path / "escaped").exists()
    assert not list((tmp_path / "new" / "files").glob("**/*"))
