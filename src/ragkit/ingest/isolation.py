"""Parsing in processes of its own, so that a file that hangs, crashes or explodes costs only itself.

A process is `python -m ragkit.ingest.isolation`, not a fork and not a spawn of `multiprocessing`: a fork would inherit
the locks of threads that do not exist in it, a spawn would run the script of a user who wrote no `if __name__ ==
"__main__"` a second time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from ragkit.errors import ParseFailed, RagkitError, StorageError
from ragkit.ingest.parsers.limits import Limits
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["ParsedFile", "ParserPool"]

T = TypeVar("T")
_AHEAD = 4  # files a worker on which the caller may lag
_TASKS = 500  # then a process is replaced, so that what parsers leak is given back
_NICE = 10
_PATIENCE = 4  # the clock may run this many times longer than the computing: at low priority a parser waits its turn
_STATUS = Path("/proc/self/status")
_OUT_OF_MEMORY = {-signal.SIGKILL, -signal.SIGABRT}  # by the system; by a library that could not allocate


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """What was parsed, with the hash of the very bytes that it was parsed from."""

    parsed: Parsed
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    content: Path | bytes
    name: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    answer: ParsedFile | RagkitError
    worn: bool
    """The process has taken so much memory that the next file deserves a fresh one."""


class ParserPool:
    """A few parser processes, started with the first files and kept until `close`.

    Args:
        workers: Processes at most.
        timeout_s: Seconds of computing, and four times as many on the clock, after which a file is given up.
        memory_mb: A process that needs more fails to allocate it (Linux; macOS does not enforce such a limit).
        limits: For files whose own options set no others.
    """

    def __init__(self, *, workers: int, timeout_s: float, memory_mb: int = 2048, limits: Limits | None = None) -> None:
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._options = (limits or Limits()).options()
        self._workers = workers
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="ragkit-parse")
        self._idle: SimpleQueue[_Process | None] = SimpleQueue()
        for _ in range(workers):
            self._idle.put(None)

    def parse_all(
        self, files: Iterable[tuple[T, Path | bytes, str, Mapping[str, str]]]
    ) -> Iterator[tuple[T, ParsedFile | RagkitError]]:
        """Parse files in order, a few ahead of the caller; a failure is yielded, not raised.

        Args:
            files: Each a key, its path or its bytes, its name, and its parser options.
        """
        waiting: deque[tuple[T, Future[ParsedFile | RagkitError]]] = deque()
        for key, content, name, options in files:
            task = _Task(content=content, name=name, options={**self._options, **options})
            waiting.append((key, self._threads.submit(self._parse, task)))
            if len(waiting) > _AHEAD * self._workers:
                key, future = waiting.popleft()
                yield key, future.result()
        while waiting:
            key, future = waiting.popleft()
            yield key, future.result()

    def close(self) -> None:
        """End the processes; what is being parsed is finished first."""
        self._threads.shutdown()
        while not self._idle.empty():
            if process := self._idle.get():
                process.end()

    def _parse(self, task: _Task) -> ParsedFile | RagkitError:
        process = self._idle.get()
        kept: _Process | None = None
        try:
            process = process or _Process(memory_mb=self._memory_mb, timeout_s=self._timeout_s)
            reply = process.parse(task)
            answer = reply.answer
            kept = None if reply.worn or process.tasks >= _TASKS else process
        except TimeoutError:
            answer = self._crashed(task.name, -signal.SIGPROF)
        except (EOFError, OSError) as error:
            if process is None:
                raise StorageError(
                    f"No parser process can be started: {error}.",
                    hint="Allow this user more processes, open files or memory, or lower RAGKIT_PARSE_WORKERS.",
                ) from error
            answer = self._crashed(task.name, process.status())
        finally:
            self._idle.put(kept)
            if kept is None and process is not None:
                process.end()
        return answer

    def _crashed(self, name: str, status: int) -> ParseFailed:
        if status in (-signal.SIGPROF, -signal.SIGALRM):
            return ParseFailed(f"{name!r} was given up after {self._timeout_s:g} s (RAGKIT_PARSE_TIMEOUT_S).")
        if status in _OUT_OF_MEMORY:
            return ParseFailed(f"{name!r} ended its parser, most likely for lack of memory; {_limit(self._memory_mb)}")
        reason = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return ParseFailed(f"{name!r} crashed its parser ({reason}).")


class _Process:
    """One parser process and the pipe to it."""

    def __init__(self, *, memory_mb: int, timeout_s: float) -> None:
        self.tasks = 0
        self._timeout_s = timeout_s
        self._pipe, theirs = Pipe()
        given = [str(theirs.fileno()), str(memory_mb), str(timeout_s)]
        # A process group of its own, so that what it starts, such as pandoc, ends with it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, *given],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        theirs.close()

    def parse(self, task: _Task) -> _Reply:
        """Send the task and wait.

        Raises:
            TimeoutError: The process took too long.
            OSError: It has ended (or EOFError).
        """
        self.tasks += 1
        self._pipe.send(task)
        if not self._pipe.poll(self._timeout_s * _PATIENCE):
            raise TimeoutError
        reply: _Reply = self._pipe.recv()
        return reply

    def status(self) -> int:
        """How it ended, once the pipe has said that it did; negative is a signal's number."""
        return self._process.wait()

    def end(self) -> None:
        self._pipe.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _serve(pipe: Connection, *, memory_mb: int, timeout_s: float) -> None:
    """Parse what is asked for until the other end closes, which it also does by dying."""
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    if sys.platform == "linux":
        # Data, not address space: pandoc and others reserve far more addresses than they use.
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(EOFError, OSError):
        while True:
            task = pipe.recv()
            signal.setitimer(signal.ITIMER_PROF, timeout_s)
            signal.alarm(int(timeout_s * _PATIENCE) + 10)  # ends a parser that hangs when nobody is left to end it
            pipe.send(_reply(task, memory_mb))
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)


def _reply(task: _Task, memory_mb: int) -> _Reply:
    try:
        answer = _parse_file(task)
    except MemoryError:
        answer = ParseFailed(f"{task.name!r} needs more memory than its parser may take; {_limit(memory_mb)}")
        return _Reply(answer=answer, worn=True)
    return _Reply(answer=answer, worn=_peak_mb() > memory_mb / 2)


def _limit(memory_mb: int) -> str:
    return f"the limit is {memory_mb} MB (RAGKIT_PARSE_MEMORY_MB)."


def _peak_mb() -> float:
    """The most memory that this process ever had."""
    if _STATUS.exists():  # on Linux, where ru_maxrss would begin with that of the process that started this one
        return int(_STATUS.read_text(errors="replace").partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def _parse_file(task: _Task) -> ParsedFile | RagkitError:
    from ragkit.ingest.parsers import parse

    try:
        data = task.content if isinstance(task.content, bytes) else task.content.read_bytes()
        parsed = parse(Source(name=task.name, data=data, options=task.options))
    except RagkitError as error:
        return error
    except OSError as error:
        return ParseFailed(f"{task.name!r} cannot be read: {error.strerror}.")
    return ParsedFile(parsed=parsed, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


if __name__ == "__main__":
    os.dup2(2, 1)  # what a parser's library prints must not end up in a command's JSON
    # By its importable name: what is pickled here is unpickled in a process whose main module is another.
    from ragkit.ingest import isolation

    isolation._serve(Connection(int(sys.argv[1])), memory_mb=int(sys.argv[2]), timeout_s=float(sys.argv[3]))
