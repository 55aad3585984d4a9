"""Uploads on their way: what has arrived of each lies on this machine until it is whole, given up, or too old.

A folder an upload: `state.json` says whose it is and what it becomes, `part` holds its bytes so far, `lock` is held by
who writes. The length of `part` is how far it is, so a process that was killed has nothing to repair.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ragkit.errors import Busy, Locked, NotFound
from ragkit.store.arriving import KEPT, PART, STATE, Arriving, Upload, explained, last_used, size_of, write_state
from ragkit.store.locks import locked, try_lock

__all__ = ["MOST_OF_OWNER", "Unfinished", "too_many", "unknown"]

MOST_OF_OWNER = 32
"""Uploads that one owner may have unfinished: with the limit of a file, that bounds the disk that they take."""

_ID = re.compile(r"[0-9a-f]{32}")
_LOCK, _LIST_LOCK = "lock", "uploads.lock"
_LIST_WAIT_S = 10.0


class Unfinished:
    """Keeps the uploads of all owners; one upload is seen by its own owner only.

    Args:
        folder: On a disk of this machine; created when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, *, owner: str, name: str, collection: str, length: int, metadata: str) -> Upload:
        """Make room for a file.

        Raises:
            Busy: This owner writes to as many as it may have.
            StorageError: The disk refuses.
        """
        upload_id = secrets.token_hex(16)
        place = self._folder / upload_id
        upload = Upload(
            id=upload_id,
            owner=owner,
            name=name,
            collection=collection,
            length=length,
            metadata=metadata,
            offset=0,
            expires_at=datetime.now(UTC) + KEPT,
        )
        with explained():
            self._folder.mkdir(parents=True, exist_ok=True)
            with locked(self._folder / _LIST_LOCK, wait_s=_LIST_WAIT_S, what="the list of uploads"):
                self.sweep()
                self._make_room(owner)
                place.mkdir(mode=0o700)
                os.close(os.open(place / PART, os.O_CREAT | os.O_EXCL, 0o600))
                write_state(place, upload)
        return upload

    def _make_room(self, owner: str) -> None:
        """Forget what an owner with as many as it may have has left for longest: who gave up rarely says so."""
        own = [one for one in self._all() if one.owner == owner and one.job_id is None]
        for one in sorted(own, key=lambda one: one.expires_at):
            if len(own) < MOST_OF_OWNER:
                return
            if _remove(self._folder / one.id, datetime.now(UTC)):
                own.remove(one)
        if len(own) >= MOST_OF_OWNER:
            raise too_many()

    def get(self, upload_id: str, owner: str) -> Upload:
        """How far an upload is; what is told to be there survives a loss of power.

        Raises:
            NotFound: There is none of this id and owner, any more.
            StorageError: The disk refuses.
        """
        with explained():
            upload = self._read(upload_id, durable=True)
        if upload is None or upload.owner != owner or upload.expires_at < datetime.now(UTC):
            raise unknown(upload_id)
        return upload

    def write(self, upload_id: str, owner: str) -> Arriving:
        """Go on with an upload; nobody else can before it is closed.

        Raises:
            Locked: Somebody else writes to it.
            NotFound: There is none of this id and owner, any more.
            StorageError: The disk refuses.
        """
        self.get(upload_id, owner)
        place = self._folder / upload_id
        with explained():
            try:
                lock = try_lock(place / _LOCK)
            except FileNotFoundError:  # removed at this moment
                raise unknown(upload_id) from None
            if lock is None:
                raise Locked(
                    f"Another request is writing to the upload {upload_id!r}.",
                    hint="Ask with HEAD where it is when that has ended, and go on from there.",
                    retry_after=1,
                )
            try:
                return Arriving(place, self.get(upload_id, owner), lock)
            except BaseException:
                os.close(lock)
                raise

    def remove(self, upload_id: str, owner: str) -> None:
        """Forget an upload, and what has arrived of it; a job that it has become goes on.

        Raises:
            Locked: Somebody writes to it.
            NotFound: There is none of this id and owner, any more.
        """
        arriving = self.write(upload_id, owner)
        try:
            shutil.rmtree(self._folder / upload_id, ignore_errors=True)
        finally:
            arriving.close()

    def sweep(self) -> None:
        """Remove what is too old; what is being written to is left."""
        before = datetime.now(UTC) - KEPT
        with explained():
            for place in self._places():
                with suppress(FileNotFoundError):
                    _remove(place, before)

    def _places(self) -> Iterator[Path]:
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return (place for place in found if _ID.fullmatch(place.name))

    def _all(self) -> Iterator[Upload]:
        return (upload for place in self._places() if (upload := self._read(place.name)) is not None)

    def _read(self, upload_id: str, *, durable: bool = False) -> Upload | None:
        if not _ID.fullmatch(upload_id):
            return None
        place = self._folder / upload_id
        try:
            # In this order: the state that names a job is written before the part is removed.
            size = size_of(place / PART, durable=durable)
            state = json.loads((place / STATE).read_bytes())
            used = last_used(place)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # gone, or not written to its end
            return None
        if state["job_id"] is not None:
            size = int(state["length"])
        if size is None:
            return None
        try:
            return Upload(**state, id=upload_id, offset=size, expires_at=used + KEPT)
        except TypeError:  # of another version
            return None


def _remove(place: Path, before: datetime) -> bool:
    """Remove what was last used before a moment, unless it is being written to; whether it is gone."""
    if last_used(place) < before and (lock := try_lock(place / _LOCK)) is not None:
        try:
            if last_used(place) < before:
                shutil.rmtree(place, ignore_errors=True)
                return True
        finally:
            os.close(lock)
    return False


def unknown(upload_id: str) -> NotFound:
    """What to tell of an upload that is not there for who asks."""
    hours = KEPT.total_seconds() / 3600
    return NotFound(
        f"There is no upload {upload_id[:40]!r}.",
        hint=f"Begin it anew: it was ended, expired ({hours:.0f} hours after its last byte), or is another key's.",
    )


def too_many() -> Busy:
    """What to tell an owner with as many as it may have."""
    return Busy(
        f"{MOST_OF_OWNER} uploads of this key are written to at this moment.",
        hint="Begin it when one of them is finished.",
    )
