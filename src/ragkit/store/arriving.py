"""One upload that is on its way, and its folder: what has arrived, and whose it is."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from ragkit.errors import StorageError

__all__ = ["KEPT", "PART", "STATE", "Arriving", "Upload", "explained", "last_used", "size_of", "write_state"]

KEPT = timedelta(hours=24)
"""How long an upload is kept after its last byte, and what became of it after its end."""
STATE, PART = "state.json", "part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file on its way."""

    id: str
    owner: str
    """The caller that began it; empty where a service has no keys."""
    name: str
    collection: str
    length: int
    """Bytes of the whole file."""
    metadata: str
    """What the client said of it, in the client's own spelling."""
    offset: int
    """Bytes that are there."""
    expires_at: datetime
    job_id: str | None = None
    """What it has become; none before it is whole."""


class Arriving:
    """An upload that is written to, under its lock; used by one request, from any thread.

    Attributes:
        upload: As it was when it was opened, or as the last call has left it.
        path: Where its bytes are.
    """

    def __init__(self, place: Path, upload: Upload, lock: int) -> None:
        self._place = place
        self._descriptor: int | None = lock
        self._threads = threading.Lock()
        self._file: BinaryIO | None = None
        self.path = place / PART
        self.upload = upload

    def write(self, data: bytes | bytearray) -> None:
        """Add bytes at the end; after `close`, by a request that was cancelled, nothing happens."""
        with self._threads, explained():
            if self._descriptor is None or not data:
                return
            if self._file is None:
                self._file = self.path.open("ab", buffering=0)
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]

    def saved(self) -> Upload:
        """Have it on the disk, and say how far it is."""
        with self._threads, explained():
            size = size_of(self.path, durable=True)
            return self._noted(offset=self.upload.offset if size is None else size)

    def take_back(self, offset: int) -> None:
        """Drop what is beyond an offset."""
        with self._threads, explained():
            if self.upload.job_id is None:
                os.truncate(self.path, offset)

    def finish(self, job_id: str) -> Upload:
        """Note what it has become, and drop the bytes, which are kept elsewhere now."""
        with self._threads, explained():
            upload = self._noted(job_id=job_id)
            write_state(self._place, upload)
            self.path.unlink(missing_ok=True)
            return upload

    def close(self) -> None:
        """Let others write."""
        with self._threads:
            if self._file is not None:
                self._file.close()
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._file = self._descriptor = None

    def _noted(self, **changes: object) -> Upload:
        self.upload = replace(self.upload, expires_at=datetime.now(UTC) + KEPT, **changes)  # type: ignore[arg-type]
        return self.upload


def size_of(part: Path, *, durable: bool) -> int | None:
    """Its bytes, of which each is on the disk if they are to be durable; none where it is gone."""
    try:
        with part.open("rb") as file:
            # Measured first: what is added meanwhile may not be on the disk yet.
            size = os.fstat(file.fileno()).st_size
            if durable:
                os.fsync(file.fileno())
            return size
    except FileNotFoundError:
        return None


def last_used(place: Path) -> datetime:
    """When its last byte came, or what became of it was noted."""
    times = []
    for name in (STATE, PART):
        with suppress(FileNotFoundError):
            times.append((place / name).stat().st_mtime)
    # Without either it was never begun.
    return datetime.fromtimestamp(max(times) if times else place.stat().st_mtime, UTC)


def write_state(place: Path, upload: Upload) -> None:
    """Replace what is said of it, as a whole."""
    state = {name: value for name, value in asdict(upload).items() if name not in {"id", "offset", "expires_at"}}
    with tempfile.NamedTemporaryFile("w", dir=place, encoding="utf-8", delete=False) as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(place / STATE)


@contextmanager
def explained() -> Iterator[None]:
    """Tell a refusal of the disk as one of ours."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"An upload could not be kept: {error.strerror}.",
            hint="Free some disk space under RAGKIT_HOME, and check that the service's user may write there.",
        ) from error
