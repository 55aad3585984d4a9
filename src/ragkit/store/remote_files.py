"""Original files in a store that every machine reaches, through fsspec: S3 and what speaks like it, and others."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ragkit.errors import ConfigError, MissingExtra, NotFound, RagkitError, StorageError
from ragkit.store.scratch import scratch_folder
from ragkit.threads import Once

__all__ = ["RemoteFiles"]

_SETTLE = timedelta(hours=1)
_PACKAGES = {"s3": "'ragkit[s3]'", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_OURS = re.compile(r"/[0-9a-f]{2}/([0-9a-f]{64})\Z")
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")


class RemoteFiles:
    """Files by SHA-256; equal bytes are kept once.

    Args:
        url: As fsspec spells it; keys and address are read from where the package of the store looks for them.
        home: What is read is brought there for as long as it is needed.
    """

    def __init__(self, url: str, *, home: Path) -> None:
        self._url = url
        self._home = home
        self._opened = Once(self._open)

    def put(self, data: bytes) -> str:
        """Keep these bytes and return their SHA-256. They are written again where they are there: they count as new."""
        return self._keep(hashlib.sha256(data).hexdigest(), lambda store, path: store.pipe_file(path, data))

    def put_file(self, file: Path) -> str:
        """The same for a file, which is sent in parts where the store takes them."""
        with file.open("rb") as source:
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        return self._keep(sha256, lambda store, path: store.put_file(str(file), path))

    def _keep(self, sha256: str, write: Callable[[Any, str], object]) -> str:
        with self._explained("written to"):
            store, _ = self._opened()
            path = self._path(sha256)
            try:
                write(store, path)
            except FileNotFoundError:  # a store with folders
                store.makedirs(path.rpartition("/")[0], exist_ok=True)
                write(store, path)
        return sha256

    def get(self, sha256: str) -> bytes:
        with self.at_hand(sha256) as copy:
            return copy.read_bytes()

    @contextmanager
    def at_hand(self, sha256: str) -> Iterator[Path]:
        """A copy on this machine for the length of the block.

        Raises:
            NotFound: It is gone.
            StorageError: It cannot be read, or is not what was kept.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        with scratch_folder(self._home) as folder:
            copy = folder / sha256
            with self._explained("read from"):
                try:
                    self._opened()[0].get_file(self._path(sha256), str(copy))
                except FileNotFoundError as error:
                    raise NotFound(f"The original file {sha256[:12]!r}… is gone.", hint="Upload it again.") from error
            with copy.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                raise StorageError(f"The original file {sha256[:12]!r}… is damaged.", hint="Upload it again.")
            yield copy

    def missing(self, sha256s: Iterable[str]) -> set[str]:
        """Those that are not there."""
        return set(sha256s).difference(self._listed())

    def settled(self) -> set[str]:
        """The SHA-256 of every file, but for those of the last hour, whose use may not be recorded yet."""
        before = datetime.now(UTC) - _SETTLE
        return {sha256 for sha256, at in self._listed().items() if at is not None and at < before}

    def delete(self, sha256: str) -> None:
        with self._explained("deleted from"), suppress(FileNotFoundError):
            self._opened()[0].rm_file(self._path(sha256))

    def _path(self, sha256: str) -> str:
        return f"{self._opened()[1]}/{sha256[:2]}/{sha256}"

    def _listed(self) -> dict[str, datetime | None]:
        """When each was written; none where the store does not tell."""
        with self._explained("listed in"):
            store, root = self._opened()
            found = store.find(root, detail=True)
        ours = ((_OURS.search(path), info) for path, info in found.items())
        return {name[1]: _written(info) for name, info in ours if name}

    def _open(self) -> tuple[Any, str]:
        protocol = self._url.partition("://")[0]
        try:
            from fsspec.core import url_to_fs

            store, root = url_to_fs(self._url, use_listings_cache=False)
        except ImportError as error:
            raise MissingExtra(
                f"RAGKIT_FILES_URL begins with {protocol}://, which needs a package that is not installed.",
                hint=f"pip install {_PACKAGES.get(protocol, 'the fsspec file system for it')}",
            ) from error
        except Exception as error:  # whatever the store's own library raises
            raise ConfigError(f"RAGKIT_FILES_URL cannot be used: {error}.") from error
        return store, str(root).rstrip("/")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except RagkitError:
            raise
        except Exception as error:  # whatever the store's own library raises
            raise StorageError(
                f"An original file could not be {what} the store of RAGKIT_FILES_URL: {error}.",
                hint="Check its address, that it can be reached, and the rights of the key.",
            ) from error


def _written(info: dict[str, Any]) -> datetime | None:
    at = next((info[name] for name in _TIMES if info.get(name)), None)
    if isinstance(at, (int, float)):
        return datetime.fromtimestamp(at, UTC)
    if isinstance(at, str):
        with suppress(ValueError):
            at = datetime.fromisoformat(at)
    if not isinstance(at, datetime):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
