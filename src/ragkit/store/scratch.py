"""A folder for what a run fetches; what a run that was killed left behind is removed by the next one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragkit.store.locks import try_lock

__all__ = ["scratch_folder", "sweep"]

_PREFIX = "fetched-"


@contextmanager
def scratch_folder(home: Path) -> Iterator[Path]:
    """A folder under `RAGKIT_HOME` for the length of the block; its lock says that it is in use."""
    sweep(home)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
    lock = try_lock(_lock_of(folder))
    try:
        yield folder
    finally:
        if lock is not None:
            os.close(lock)
        _remove(folder)


def sweep(home: Path) -> None:
    """Remove the folders of runs that are dead."""
    for folder in home.glob(f"{_PREFIX}*"):
        if folder.is_dir() and _lock_of(folder).exists() and (lock := try_lock(_lock_of(folder))) is not None:
            os.close(lock)
            _remove(folder)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _lock_of(folder).unlink(missing_ok=True)
