"""Original files that exist nowhere else (uploads), named by the hash of their bytes."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from ragkit.errors import NotFound, StorageError

__all__ = ["FileStore"]


_SETTLE_S = 3600


class FileStore:
    """A folder of files by SHA-256; equal bytes are kept once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes) -> str:
        """Keep these bytes and return their SHA-256; a crash leaves either nothing or the whole file."""
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.path(sha256)
        with suppress(FileNotFoundError, NotADirectoryError):
            os.utime(target)  # it is used again from now on
            return sha256
        beside: Path | None = None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
                beside = Path(file.name)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except OSError as error:
            raise StorageError(
                f"The file could not be kept in {str(self._root)!r}: {error.strerror}.",
                hint="Free some disk space, and check that RAGKIT_HOME is writable for this user.",
            ) from error
        finally:
            if beside is not None:
                beside.unlink(missing_ok=True)  # there is one where it failed
        return sha256

    def path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256

    def get(self, sha256: str) -> bytes:
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"The original file {sha256[:12]!r}… is gone.", hint="Upload it again.") from error

    def settled(self) -> set[str]:
        """The SHA-256 of every file, but for those of the last hour, whose use may not be recorded yet.

        What a crash left half-written is among them, under a name that nothing refers to.
        """
        before = time.time() - _SETTLE_S
        found = self._root.glob("??/*") if self._root.is_dir() else ()
        return {file.name for file in found if _modified(file, otherwise=before) < before}

    def delete(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)


def _modified(file: Path, *, otherwise: float) -> float:
    with suppress(FileNotFoundError):  # another process has removed it
        return file.stat().st_mtime
    return otherwise
