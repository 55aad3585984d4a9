"""Parsing in processes of its own, so that a file that hangs or crashes a parser costs only itself.

A process is `python -m ragkit.ingest.isolation`, not a fork and not a spawn of `multiprocessing`: a fork would inherit
the locks of threads that do not exist in it, a spawn would run the script of a user who wrote no `if __name__ ==
"__main__"` a second time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from ragkit.errors import ParseFailed, RagkitError
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["ParsedFile", "ParserPool"]

T = TypeVar("T")
_AHEAD = 4  # files a worker on which the caller may lag
_TASKS = 500  # then a process is replaced, so that what parsers leak is given back


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """What was parsed, with the hash of the very bytes that it was parsed from."""

    parsed: Parsed
    sha256: str
    size: int


class ParserPool:
    """A few parser processes, started with the first files and kept until `close`.

    Args:
        workers: Processes at most.
        timeout_s: A file that takes longer is given up, and its process is ended.
    """

    def __init__(self, *, workers: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._workers = workers
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="ragkit-parse")
        self._idle: SimpleQueue[_Process | None] = SimpleQueue()
        for _ in range(workers):
            self._idle.put(None)

    def parse_all(self, files: Iterable[tuple[T, Path, str]]) -> Iterator[tuple[T, ParsedFile | RagkitError]]:
        """Parse files (key, path, name) in order, a few ahead of the caller; a failure is yielded, not raised."""
        waiting: deque[tuple[T, Future[ParsedFile | RagkitError]]] = deque()
        for key, path, name in files:
            waiting.append((key, self._threads.submit(self._parse, path, name)))
            if len(waiting) > _AHEAD * self._workers:
                key, future = waiting.popleft()
                yield key, future.result()
        for key, future in waiting:
            yield key, future.result()

    def close(self) -> None:
        """End the processes; what is being parsed is finished first."""
        self._threads.shutdown()
        while not self._idle.empty():
            if process := self._idle.get():
                process.end()

    def _parse(self, path: Path, name: str) -> ParsedFile | RagkitError:
        process = self._idle.get() or _Process()
        kept: _Process | None = None
        try:
            answer = process.parse(path, name, timeout_s=self._timeout_s)
            kept = process if process.tasks < _TASKS else None
        except TimeoutError:
            answer = ParseFailed(f"{name!r} was given up after {self._timeout_s:.0f} s (RAGKIT_PARSE_TIMEOUT_S).")
        except (EOFError, OSError):
            answer = ParseFailed(f"{name!r} crashed its parser.")
        finally:
            if kept is None:
                process.end()
            self._idle.put(kept)
        return answer


class _Process:
    """One parser process and the pipe to it."""

    def __init__(self) -> None:
        self.tasks = 0
        self._pipe, theirs = Pipe()
        command = [sys.executable, "-P", "-m", __name__, str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()

    def parse(self, path: Path, name: str, *, timeout_s: float) -> ParsedFile | RagkitError:
        self.tasks += 1
        self._pipe.send((path, name))
        if not self._pipe.poll(timeout_s):
            raise TimeoutError
        answer: ParsedFile | RagkitError = self._pipe.recv()
        return answer

    def end(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.wait()


def _serve(pipe: Connection) -> None:
    """Parse what is asked for until the other end closes, which it also does by dying."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            path, name = pipe.recv()
            pipe.send(_parse_file(path, name))


def _parse_file(path: Path, name: str) -> ParsedFile | RagkitError:
    from ragkit.ingest.parsers import parse

    try:
        data = path.read_bytes()
        parsed = parse(Source(name=name, data=data))
    except RagkitError as error:
        return error
    except OSError as error:
        return ParseFailed(f"{name!r} cannot be read: {error.strerror}.")
    return ParsedFile(parsed=parsed, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


if __name__ == "__main__":
    os.dup2(2, 1)  # what a parser's library prints must not end up in a command's JSON
    # By its importable name: what is pickled here is unpickled in a process whose main module is another.
    from ragkit.ingest import isolation

    isolation._serve(Connection(int(sys.argv[1])))
