"""What goes wrong with the files of a keyword index, told to people."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragkit.errors import StorageError

__all__ = ["damaged", "guarded"]

_DISK = (errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT)


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what tantivy raises into a `StorageError`."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise _failed(path, error) from error
    except BaseException as error:
        # A panic in the Rust library derives from BaseException, so that `except Exception` lets it pass.
        if type(error).__name__ != "PanicException":
            raise
        raise _failed(path, error) from error


def _failed(path: Path, error: BaseException) -> StorageError:
    """A full or read-only disk is told from damage: making the index again would not help."""
    if getattr(error, "errno", None) in _DISK or any(f"os error {number})" in str(error) for number in _DISK):
        return StorageError(
            f"The keyword index {str(path)!r} cannot be written: {error}.",
            hint="Free some disk space, and check that RAGKIT_HOME is writable for this user.",
        )
    return damaged(path)


def damaged(path: Path) -> StorageError:
    return StorageError(
        f"The keyword index {str(path)!r} is damaged.", hint="`ragkit verify --repair` rebuilds it from the catalog."
    )
