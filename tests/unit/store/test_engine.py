from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ragkit.errors import ConfigError, StorageError
from ragkit.store import migrations
from ragkit.store.engine import Database, now
from ragkit.store.tables import collections, metadata


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state' / 'ragkit.db'}"


def _add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(sa.insert(collections).values(name=name, sequence=0, created_at=now()))


def _names(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.scalars(sa.select(collections.c.name)))


def test_a_new_database_has_the_schema_of_the_tables(url: str) -> None:
    _assert_in_step(Database.open(url))


def test_postgres_gets_the_same_schema(postgres: str) -> None:
    first, second = Database.open(postgres), Database.open(postgres)
    _assert_in_step(first)
    _add(first, "a")
    assert _names(second) == ["a"]
    first.close()
    second.close()


def _assert_in_step(database: Database) -> None:
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_the_newest_revision_is_the_one_that_is_recognised() -> None:
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == migrations.HEAD


def test_a_schema_of_a_newer_ragkit_is_refused(url: str) -> None:
    database = Database.open(url)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StorageError, match="newer") as caught:
        Database.open(url)
    assert "Upgrade" in (caught.value.hint or "")


def test_processes_that_open_a_new_database_at_once_all_succeed(url: str) -> None:
    opened: list[Database] = []
    threads = [threading.Thread(target=lambda: opened.append(Database.open(url))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    _assert_in_step(opened[0])


def test_two_writers_both_succeed(url: str) -> None:
    writers = [Database.open(url), Database.open(url)]

    def write(database: Database, prefix: str) -> None:
        for n in range(25):
            _add(database, f"{prefix}{n}")

    threads = [threading.Thread(target=write, args=(w, p)) for w, p in zip(writers, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_names(writers[0])) == 50


def test_a_failed_transaction_leaves_nothing(url: str) -> None:
    database = Database.open(url)

    def fail_half_way() -> None:
        with database.write() as connection:
            connection.execute(sa.insert(collections).values(name="a", sequence=0, created_at=now()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert _names(database) == []


def test_times_come_back_in_utc(url: str) -> None:
    database = Database.open(url)
    _add(database, "a")
    with database.read() as connection:
        moment = connection.execute(sa.select(collections.c.created_at)).scalar_one()
    assert moment.utcoffset() is not None
    assert abs((now() - moment).total_seconds()) < 60


def test_a_damaged_file_is_one_sentence_with_a_next_step(tmp_path: Path) -> None:
    file = tmp_path / "ragkit.db"
    file.write_bytes(b"this is not a database, it is a shopping list" * 100)
    with pytest.raises(StorageError, match="not a database") as caught:
        Database.open(f"sqlite:///{file}")
    assert "backup" in (caught.value.hint or "")


def test_a_home_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be used") as caught:
        Database.open(f"sqlite:///{tmp_path / 'file' / 'ragkit.db'}")
    assert "RAGKIT_HOME" in (caught.value.hint or "")


def test_an_url_that_makes_no_sense_names_its_setting() -> None:
    with pytest.raises(ConfigError, match="RAGKIT_DATABASE_URL"):
        Database.open("somewhere")


def test_the_password_is_not_in_messages() -> None:
    with pytest.raises(StorageError) as caught:
        Database.open(f"postgresql+psycopg://user:{'s3cret'}@127.0.0.1:{_closed_port()}/db")
    assert "s3cret" not in str(caught.value)


def _closed_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_deleted_text_is_overwritten_in_the_file(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'ragkit.db'}")
    with database.read() as connection:
        assert connection.execute(sa.text("PRAGMA secure_delete")).scalar() == 1


def test_emptying_the_log_beside_a_long_reader_lets_others_write(url: str) -> None:
    database = Database.open(url)
    with database.read() as reader:
        reader.execute(sa.select(collections.c.name)).all()
        _add(database, "a")
        emptying = threading.Thread(target=database.checkpoint)
        emptying.start()
        for name in "bcd":
            _add(database, name)
        assert emptying.is_alive()  # others have written, and the reader still reads
    emptying.join()
    assert _names(database) == ["a", "b", "c", "d"]
    database.close()
