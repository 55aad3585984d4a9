"""Worker processes, as the tests of jobs start, kill and watch them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ragkit.jobs.ledger import JobLedger
from ragkit.types import Job

PROGRAM = Path(__file__).with_name("worker_process.py")
DEADLINE_S = 100


@contextlib.contextmanager
def worker(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-W", "error", str(PROGRAM), str(home)])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            assert process.wait(DEADLINE_S) == 0


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def ended(ledger: JobLedger, *jobs: Job) -> Callable[[], bool]:
    return lambda: all(ledger.get(job.id).state in {"done", "failed"} for job in jobs)


def began(home: Path, name: str, times: int = 1) -> Callable[[], bool]:
    journal = home / "journal"
    return lambda: journal.exists() and journal.read_text().split("\n").count(name) >= times
