"""Locks that a process holds for as long as it lives: how a worker proves that it is alive, and that another is dead.

The operating system or the database server lets go of them when the process dies; there is no heartbeat to tune.
"""

from __future__ import annotations

import functools
import os
import zlib
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

from ragkit.store import locks

__all__ = ["TryLock", "file_locks", "postgres_locks"]

Release = Callable[[], None]
TryLock = Callable[[str], Release | None]
"""Takes the lock of that name and returns what releases it, or None while another process holds it."""

# "ragk": keeps these locks apart from those of other applications of the same database.
POSTGRES_CLASS = 0x7261676B


def file_locks(folder: Path) -> TryLock:
    """Locks among the processes of one machine."""

    def try_lock(name: str) -> Release | None:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = locks.try_lock(folder / f"{name}.lock")
        return None if descriptor is None else functools.partial(os.close, descriptor)

    return try_lock


def postgres_locks(url: str) -> TryLock:
    """Locks among all machines that share this database: advisory locks, each on a connection of its own."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    question = text("SELECT pg_try_advisory_lock(:class, :key)")

    def try_lock(name: str) -> Release | None:
        connection = engine.connect()
        # Postgres keys are signed.
        key = zlib.crc32(name.encode()) - 2**31
        if connection.execute(question, {"class": POSTGRES_CLASS, "key": key}).scalar():
            return connection.close
        connection.close()
        return None

    return try_lock
