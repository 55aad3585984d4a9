"""A lock that processes share, and that the operating system lifts when its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragkit.errors import Busy

__all__ = ["locked", "try_lock"]

_POLL_S = 0.02


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock until it and every copy a child inherits are closed; none if it is held."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def locked(path: Path, *, wait_s: float, what: str) -> Iterator[None]:
    """Hold the lock for the length of the block.

    Args:
        path: The lock file, created where it is missing and never removed.
        wait_s: How long to wait for another holder.
        what: What is locked, for the message.

    Raises:
        Busy: It stayed held for `wait_s` seconds.
    """
    deadline = time.monotonic() + wait_s
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise Busy(
                f"Another process has been writing to {what} for {wait_s:.0f} s.", hint="Try again when it is done."
            )
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        os.close(descriptor)
