"""Files from elsewhere: fetched a few ahead of the run, and only when they have changed since the last one."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from ragkit.errors import TooLarge
from ragkit.ingest.sources import Item

__all__ = ["Memory", "Seen", "ahead", "save_stream"]

AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is remembered of a file: nothing of its content but the hash."""

    etag: str = ""
    modified: str = ""
    sha256: str
    name: str


class Memory:
    """What the files of a source were at the last run, in one small file; without it, all are fetched again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._before = {uri: Seen(**entry) for uri, entry in json.loads(path.read_bytes()).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self._before = {}
        self._now: dict[str, Seen] = {}

    def recall(self, uri: str) -> Seen | None:
        """The file as it was."""
        return self._before.get(uri)

    def keep(self, uri: str, seen: Seen) -> None:
        """Remember the file as it is; what is not kept in a run is forgotten."""
        self._now[uri] = seen

    def save(self) -> None:
        """Write it down, at once or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({uri: asdict(seen) for uri, seen in self._now.items()}), "utf-8")
        draft.replace(self._path)


def ahead(tasks: Iterable[Callable[[], Item]]) -> Iterator[Item]:
    """The results in order, a few being worked on while the first is waited for."""
    remaining = iter(tasks)
    running: deque[Future[Item]] = deque()
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="ragkit-fetch") as pool:
        try:
            running.extend(pool.submit(task) for task in itertools.islice(remaining, 2 * AT_ONCE))
            while running:
                item = running.popleft().result()
                running.extend(pool.submit(task) for task in itertools.islice(remaining, 1))
                yield item
        finally:
            for waiting in running:
                waiting.cancel()


def save_stream(parts: Iterable[bytes], target: Path, *, name: str, max_bytes: int) -> str:
    """Write what arrives; returns its SHA-256.

    Raises:
        TooLarge: There is more of it than the limit.
    """
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        for part in parts:
            size += len(part)
            if size > max_bytes:
                raise too_large(name, max_bytes)
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


def too_large(name: str, max_bytes: int) -> TooLarge:
    """The file is not read to its end."""
    return TooLarge(f"{name!r} has more than {max_bytes / 1e6:,.0f} MB (RAGKIT_MAX_FILE_MB).")
