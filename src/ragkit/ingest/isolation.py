"""Parsing in processes of its own, so that a file that hangs or crashes a parser costs only itself."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from ragkit.errors import ParseFailed, RagkitError
from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source

if TYPE_CHECKING:
    from pebble import ProcessPool

__all__ = ["ParsedFile", "ParserPool"]

T = TypeVar("T")
_TASKS_PER_WORKER = 500  # then it is replaced, so that what parsers leak is given back


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """What was parsed, with the hash of the very bytes that it was parsed from."""

    parsed: Parsed
    sha256: str
    size: int


class ParserPool:
    """A few parser processes, started with the first file and kept until `close`.

    Args:
        workers: Processes at most.
        timeout_s: A file that takes longer is given up.
    """

    def __init__(self, *, workers: int, timeout_s: float) -> None:
        self._workers = workers
        self._timeout_s = timeout_s
        self._pool: ProcessPool | None = None
        self._starting = Lock()

    def parse_all(self, files: Iterable[tuple[T, Path, str]]) -> Iterator[tuple[T, ParsedFile | RagkitError]]:
        """Parse files (key, path, name) in order, a few ahead of the caller; a failure is yielded, not raised."""
        waiting: deque[tuple[T, str, Future[ParsedFile]]] = deque()
        for key, path, name in files:
            waiting.append((key, name, self._submit(path, name)))
            if len(waiting) > 4 * self._workers:
                yield self._result(*waiting.popleft())
        while waiting:
            yield self._result(*waiting.popleft())

    def close(self) -> None:
        """End the processes; a parser that is at work is stopped."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it out
            self._pool.join()
            self._pool = None

    def _submit(self, path: Path, name: str) -> Future[ParsedFile]:
        with self._starting:
            if self._pool is None:
                self._pool = _open_pool(self._workers)
        return self._pool.schedule(_parse_file, args=(path, name), timeout=self._timeout_s)

    def _result(self, key: T, name: str, future: Future[ParsedFile]) -> tuple[T, ParsedFile | RagkitError]:
        from pebble import ProcessExpired

        try:
            return key, future.result()
        except RagkitError as error:
            return key, error
        except TimeoutError:
            return key, ParseFailed(f"{name!r} was given up after {self._timeout_s:.0f} s (RAGKIT_PARSE_TIMEOUT_S).")
        except ProcessExpired as error:
            return key, ParseFailed(f"{name!r} crashed its parser (exit code {error.exitcode}).")
        except MemoryError:
            return key, ParseFailed(f"{name!r} needs more memory than there is.")


def _open_pool(workers: int) -> ProcessPool:
    from pebble import ProcessPool

    # Spawned: a forked child would inherit the locks of threads that do not exist in it.
    return ProcessPool(max_workers=workers, max_tasks=_TASKS_PER_WORKER, context=multiprocessing.get_context("spawn"))


def _parse_file(path: Path, name: str) -> ParsedFile:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ParseFailed(f"{name!r} cannot be read: {error.strerror}.") from None
    parsed = parse(Source(name=name, data=data))
    return ParsedFile(parsed=parsed, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
