"""Brings the catalog's schema up to date, one process at a time.

A schema that is current is recognised without importing Alembic, so that a command starts fast.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from ragkit.errors import StorageError

__all__ = ["HEAD", "migrate"]

HEAD = "0006"
"""The newest revision; a test holds it against the files beside this one."""

_LOCK_KEY = 0x7261676B  # "ragk", for Postgres's advisory locks


def migrate(read: Engine, write: Engine) -> None:
    """Create the schema, or run the migrations that it lacks.

    Raises:
        StorageError: The schema is newer than this version of ragkit.
    """
    with read.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with _alone(write) as connection:
        if _revision(connection) != HEAD:  # else another process was faster
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A connection, while no other process migrates; on SQLite `BEGIN IMMEDIATE` sees to that."""
    with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        yield connection


def _upgrade(connection: Connection) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    environment = EnvironmentContext(config, script, fn=lambda revision, _: script._upgrade_revs(HEAD, revision))
    try:
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
    except CommandError as error:
        raise StorageError(
            f"The catalog was written by a newer ragkit, whose schema this version does not know ({error}).",
            hint="Upgrade it: pip install --upgrade ragkit.",
        ) from error
