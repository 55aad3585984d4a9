"""The catalog database: one read engine, one write engine, migrations on opening.

On SQLite, transactions that write begin with `BEGIN IMMEDIATE`: a deferred one that must upgrade its lock fails under
two writers, however long it is willing to wait.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from ragkit.errors import ConfigError, MissingExtra, StorageError
from ragkit.store.locks import locked
from ragkit.store.migrations import migrate

__all__ = ["Database", "now"]

BUSY_TIMEOUT_S = 30.0
CHECKPOINT_S = 5.0
CHECKPOINT_WAIT_MS = 100
CONNECTIONS = 16
"""That are kept; of more threads than that some open one each time, and none waits for another's."""
MAPPED_BYTES = 2_000_000_000
"""Of the file, at most; SQLite's own limit is a little higher."""


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


class Database:
    """A catalog database, migrated to the schema of this version.

    Attributes:
        url: Where it is, without its password.
        local: Whether that is a file of this machine.
    """

    def __init__(self, read: Engine, write: Engine, lookup: Engine) -> None:
        self._read = read
        self._write = write
        self._lookup = lookup
        self.url = write.url.render_as_string(hide_password=True)
        self.local = write.dialect.name == "sqlite"

    @classmethod
    def open(cls, url: str) -> Database:
        """Open it, create it or bring its schema up to date.

        Raises:
            StorageError: It is damaged, read-only, unreachable or was written by a newer ragkit.
            ConfigError: The URL cannot be understood.
        """
        read, write, lookup = _engines(url)
        database = cls(read, write, lookup)
        try:
            with _explained(database.url):
                migrate(read, write)
        except BaseException:
            database.close()
            raise
        return database

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database throughout."""
        with _explained(self.url), self._read.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def look_up(self) -> Iterator[Connection]:
        """For rows from all over the database, as a search looks them up; each statement sees the state of its moment.

        SQLite maps its file for it: a page is read without a system call and a copy, and counts as the process's memory
        as long as nobody else needs that.
        """
        with _explained(self.url), self._lookup.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits when the block ends and rolls back when it raises; keep it short."""
        with _explained(self.url), self._write.begin() as connection:
            yield connection

    def checkpoint(self) -> bool:
        """Empty SQLite's log, which still holds what was deleted; false while somebody reads from it."""
        if not self.local:
            return True
        deadline = time.monotonic() + CHECKPOINT_S
        with _explained(self.url), contextlib.closing(self._write.raw_connection()) as connection:
            # Whoever waits here for readers keeps all writers waiting: a little at a time.
            connection.execute(f"PRAGMA busy_timeout={CHECKPOINT_WAIT_MS}")
            try:
                while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    if time.monotonic() > deadline:
                        return False
                    time.sleep(0.05)
            finally:
                connection.execute(f"PRAGMA busy_timeout={round(BUSY_TIMEOUT_S * 1000)}")
        return True

    def close(self) -> None:
        for engine in (self._read, self._write, self._lookup):
            engine.dispose()


def _engines(url: str) -> tuple[Engine, Engine, Engine]:
    """To read, to write and to look up."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            engine = create_engine(parsed, pool_pre_ping=True, pool_size=CONNECTIONS, max_overflow=-1)
            # By default each statement would see a state of its own.
            read = engine.execution_options(isolation_level="REPEATABLE READ")
            return read, engine, engine.execution_options(isolation_level="AUTOCOMMIT")
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            f"RAGKIT_DATABASE_URL cannot be used: {error}.", hint="Write it as postgresql+psycopg://user@host/database."
        ) from error
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"RAGKIT_DATABASE_URL needs the package {error.name!r}.", hint="pip install 'ragkit[postgres]'"
        ) from error
    if parsed.database:
        with _explained(parsed.database):
            _prepare(Path(parsed.database))
    return _sqlite(url, "BEGIN"), _sqlite(url, "BEGIN IMMEDIATE"), _sqlite(url, None, mapped_bytes=MAPPED_BYTES)


def _prepare(file: Path) -> None:
    """Switch it to write-ahead logging, one process at a time: SQLite refuses a second one without waiting."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with (
        locked(file.with_suffix(".open.lock"), wait_s=BUSY_TIMEOUT_S, what=str(file)),
        contextlib.closing(sqlite3.connect(file, timeout=BUSY_TIMEOUT_S)) as connection,
    ):
        connection.execute("PRAGMA journal_mode=WAL")


def _sqlite(url: str, begin: str | None, *, mapped_bytes: int = 0) -> Engine:
    arguments = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, pool_size=CONNECTIONS, max_overflow=-1)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling is switched off: BEGIN is ours, below.
        connection.isolation_level = None
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON", f"mmap_size={mapped_bytes}"):
            connection.execute(f"PRAGMA {pragma}")

    if begin is not None:

        @event.listens_for(engine, "begin")
        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

    return engine


_SQLITE_HINTS = {
    "readonly": "Make RAGKIT_HOME writable for this user, or set RAGKIT_HOME to a folder that is.",
    "unable to open": "Check that RAGKIT_HOME exists and is writable for this user.",
    "is full": "Free some disk space and run the command again; what was committed is safe.",
    "disk I/O": "The disk refuses to work; check it and its free space.",
    "malformed": "Restore ragkit.db from a backup, or move RAGKIT_HOME aside and ingest again.",
    "not a database": "Restore ragkit.db from a backup, or move RAGKIT_HOME aside and ingest again.",
    "locked": "Another process holds the database for very long; try again when it has finished.",
}


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn the driver's exceptions into one sentence with a next step."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, sqlite3.Error) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        hint = next((hint for sign, hint in _SQLITE_HINTS.items() if sign in reason), None)
        raise StorageError(
            f"The catalog database {what!r} refused: {reason}.",
            hint=hint or "Check that the database of RAGKIT_DATABASE_URL is running and reachable.",
        ) from error
    except OSError as error:
        raise StorageError(
            f"{error.filename or what!r} cannot be used: {error.strerror}.",
            hint="Check the disk, and that RAGKIT_HOME is writable for this user.",
        ) from error
