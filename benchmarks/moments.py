"""When to kill what: waits for the moment and tells which process it is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

__all__ = ["STATES", "TARGETS", "kill", "moment"]

STATES = ("found", "parsed", "checked", "chunked", "embedded", "indexed", "live")
"""A command is killed when one of its documents has reached this state of the ledger."""
TARGETS = ("instant", "worker", "chroma", "parser")
"""The command and the worker at a random instant; Chroma's server and a parser in the middle of their work."""


def moment(target: str, process: subprocess.Popen[bytes], home: Path, instant_s: float, jitter_s: float) -> int | None:
    """Wait for the moment to kill; the id of the process to kill, or none when the run was over before."""
    if target in {"instant", "worker"}:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(instant_s)
        return process.pid if process.poll() is None else None
    pid: int | None = None
    with _watch(target, process, home) as seen:
        while pid is None and process.poll() is None:
            pid = seen()
            time.sleep(0.0002)
    # A server or a parser is killed in the middle of its work, not at its start.
    time.sleep(jitter_s if target in STATES else instant_s / 2)
    return pid


@contextlib.contextmanager
def _watch(target: str, process: subprocess.Popen[bytes], home: Path) -> Iterator[Callable[[], int | None]]:
    """Tells, each time that it is called, which process to kill now, if any."""
    if target == "chroma":
        yield lambda: _recorded(home)
    elif target == "parser":
        yield lambda: _child(process.pid, "ragkit.ingest.isolation")
    else:
        with closing(sqlite3.connect(f"file:{home / 'ragkit.db'}?mode=ro", uri=True, isolation_level=None)) as catalog:
            before = _reached(catalog, target)
            yield lambda: process.pid if _reached(catalog, target) != before else None


def _reached(catalog: sqlite3.Connection, state: str) -> Any:
    """Changes when a document reaches the state, for the first time or again."""
    query = (
        "SELECT (SELECT count(*) FROM documents WHERE state = :state), "
        "(SELECT count(*) FROM attempts WHERE instr(steps, :step))"
    )
    return catalog.execute(query, {"state": state, "step": f'"{state}"'}).fetchone()


def _recorded(home: Path) -> int | None:
    """Chroma's server, once it answers; the file may be of a server that is gone."""
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        server = psutil.Process(json.loads((home / "chroma" / "server.json").read_text())["pid"])
        return server.pid if "ragkit.index.chroma_server" in server.cmdline() else None
    return None


def _child(pid: int, module: str) -> int | None:
    with contextlib.suppress(psutil.Error):
        return next((child.pid for child in psutil.Process(pid).children() if module in child.cmdline()), None)
    return None


def kill(pid: int) -> bool:
    """Whether it was still there to be killed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
