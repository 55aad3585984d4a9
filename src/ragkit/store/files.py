"""Original files that exist nowhere else (uploads), named by the hash of their bytes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from ragkit.errors import NotFound, StorageError

__all__ = ["FileStore", "Files", "open_files"]


_SETTLE_S = 3600
_HALF = ".half-"
_OURS = re.compile(rf"[0-9a-f]{{64}}|{re.escape(_HALF)}.*")


class Files(Protocol):
    """Files by SHA-256; equal bytes are kept once. Each method raises `StorageError` where the store refuses."""

    def put(self, data: bytes) -> str:
        """Keep these bytes and return their SHA-256."""
        ...

    def put_file(self, file: Path) -> str:
        """Keep what is in a file, which nobody writes to any more and which stays there, without reading it at once."""
        ...

    def get(self, sha256: str) -> bytes:
        """Its bytes; raises `NotFound` where it is gone."""
        ...

    def at_hand(self, sha256: str) -> AbstractContextManager[Path]:
        """Where it lies on this machine, for the length of the block."""
        ...

    def missing(self, sha256s: Iterable[str]) -> set[str]:
        """Those that are not there."""
        ...

    def settled(self) -> set[str]:
        """The SHA-256 of every file, but for those of the last hour, whose use may not be recorded yet."""
        ...

    def delete(self, sha256: str) -> None: ...


def open_files(url: str | None, *, home: Path) -> Files:
    """Where originals are kept: by the url, else in `files` under `RAGKIT_HOME`. Nothing is called yet."""
    protocol, _, path = (url or "").partition("://")
    if url is None or protocol in {"file", "local"}:
        return FileStore(home / "files" if url is None else Path(path))
    from ragkit.store.remote_files import RemoteFiles

    return RemoteFiles(url, home=home)


class FileStore:
    """A folder of files by SHA-256; equal bytes are kept once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes) -> str:
        """Keep these bytes and return their SHA-256; a crash leaves either nothing or the whole file."""
        return self._keep(hashlib.sha256(data).hexdigest(), lambda beside: _copied(io.BytesIO(data), beside))

    def put_file(self, file: Path) -> str:
        """The same for a file; on one file system it takes neither time nor room, as both are one from then on."""
        try:
            with file.open("rb") as source:
                sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        except OSError as error:
            raise StorageError(f"The file {str(file)!r} cannot be read: {error.strerror}.") from error
        return self._keep(sha256, lambda beside: _linked(file, beside))

    def _keep(self, sha256: str, write: Callable[[Path], None]) -> str:
        target = self.path(sha256)
        with suppress(FileNotFoundError, NotADirectoryError):
            os.utime(target)  # it is used again from now on
            return sha256
        beside = target.with_name(f"{_HALF}{secrets.token_hex(8)}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write(beside)
            beside.replace(target)
        except OSError as error:
            raise StorageError(
                f"The file could not be kept in {str(self._root)!r}: {error.strerror}.",
                hint="Free some disk space, and check that this user may write there.",
            ) from error
        finally:
            with suppress(OSError):
                beside.unlink()  # there is one where it failed
        return sha256

    def path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256

    def get(self, sha256: str) -> bytes:
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"The original file {sha256[:12]!r}… is gone.", hint="Upload it again.") from error

    @contextmanager
    def at_hand(self, sha256: str) -> Iterator[Path]:
        """Where it lies; whether it does is seen by who opens it."""
        yield self.path(sha256)

    def missing(self, sha256s: Iterable[str]) -> set[str]:
        """Those that are not there."""
        return {sha256 for sha256 in sha256s if not self.path(sha256).exists()}

    def settled(self) -> set[str]:
        """The SHA-256 of every file, but for those of the last hour, whose use may not be recorded yet.

        What a crash left half-written is among them, under a name that nothing refers to.
        """
        before = time.time() - _SETTLE_S
        found = self._root.glob("??/*") if self._root.is_dir() else ()
        ours = (file for file in found if _OURS.fullmatch(file.name))
        return {file.name for file in ours if _modified(file, otherwise=before) < before}

    def delete(self, sha256: str) -> None:
        """Remove it; also what `settled` names that was left half-written."""
        for file in self._root.glob(f"??/{sha256}") if sha256.startswith(_HALF) else [self.path(sha256)]:
            file.unlink(missing_ok=True)


def _linked(file: Path, beside: Path) -> None:
    """Give a file another name; its bytes are copied where that cannot be."""
    os.utime(file)  # its use is not recorded yet
    try:
        os.link(file, beside)
    except OSError:
        with file.open("rb") as source:
            _copied(source, beside)


def _copied(source: BinaryIO, beside: Path) -> None:
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())


def _modified(file: Path, *, otherwise: float) -> float:
    with suppress(FileNotFoundError):  # another process has removed it
        return file.stat().st_mtime
    return otherwise
