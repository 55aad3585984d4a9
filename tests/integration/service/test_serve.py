"""`ragkit serve` as a process: it starts a worker, survives its death, and stops when told to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragkit.client import Client
from ragkit.errors import ConfigError
from ragkit.service.server import serve
from ragkit.settings import Settings

DEADLINE_S = 100


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", "from ragkit.cli import main; main()", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            lines = iter(process.stderr.readline, "")
            yield process, next(found[0] for line in lines if (found := re.search(r"http://[\d.]+:\d+", line)))
        finally:
            process.kill()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def workers_of(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    return [int(pid) for pid, ppid, args in rows if int(ppid) == parent and "ragkit.service.worker" in args]


def is_alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and ") Z " not in state.read_text()


def test_uploads_are_answered_from_although_the_worker_is_killed_and_sigterm_ends_it_all():
    with serving() as (process, address), Client(address) as client:
        eventually(lambda: workers_of(process.pid))
        (worker,) = workers_of(process.pid)
        os.kill(worker, signal.SIGKILL)
        job = client.documents.upload("lift.md", b"# Lift\n\nThe goods lift carries eight hundred kilograms.\n")
        eventually(lambda: client.jobs.get(job.id).state not in {"queued", "running"})
        report = client.jobs.get(job.id).report
        assert report is not None
        assert report.added == 1
        hits = client.search("how much may the goods lift carry").hits
        assert "eight hundred" in hits[0].text
        (document,) = client.documents.list()
        assert document.uri == "upload://lift.md"
        again = client.documents.upload("lift.md", b"# Lift\n\nThe goods lift carries nine hundred kilograms.\n")
        eventually(lambda: client.jobs.get(again.id).state not in {"queued", "running"})
        assert [d.id for d in client.documents.list()] == [document.id]
        (worker,) = workers_of(process.pid)
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
        eventually(lambda: not is_alive(worker))


def test_the_worker_does_not_outlive_a_killed_service():
    with serving() as (process, _):
        eventually(lambda: workers_of(process.pid))
        (worker,) = workers_of(process.pid)
        process.kill()
        process.wait()
        eventually(lambda: not is_alive(worker))


def test_a_service_without_a_worker_starts_none_and_imports_no_torch():
    with serving("--no-worker") as (process, address), Client(address) as client:
        assert client.jobs.list() == ()
        assert workers_of(process.pid) == []
        mapped = Path(f"/proc/{process.pid}/maps")
        assert not mapped.exists() or "libtorch" not in mapped.read_text()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "kb.example.com"])
def test_an_open_address_needs_a_key(host):
    with pytest.raises(ConfigError, match="no key is set") as caught:
        serve(Settings(host=host))
    assert "RAGKIT_API_KEYS" in (caught.value.hint or "")


def test_a_taken_port_is_named():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="cannot listen") as caught:
        serve(Settings(port=taken.getsockname()[1]))
    assert "--port" in (caught.value.hint or "")
