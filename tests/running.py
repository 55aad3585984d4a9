"""Starting the product's own commands, as a person would, on free ports."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ragkit.cli import main

BIN = Path(sys.executable).parent
RAGKIT = BIN / "ragkit"
DEADLINE_S = 120.0
COMMAND_S = 250.0

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["ragkit.app", "ragkit.cli", "alembic.command", "chromadb", "datasketch", "openvino"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ragkit(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder and with the `RAGKIT_HOME` of this test."""
    return _forked(_program, arguments, variables)


def python(script: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script there."""
    return _forked(_script, [str(script)], variables)


def _program(arguments: Sequence[str]) -> None:
    sys.argv = [str(RAGKIT), *arguments]
    main()


def _script(arguments: Sequence[str]) -> None:
    sys.argv = [*arguments]
    runpy.run_path(arguments[0], run_name="__main__")


def _forked(
    run: Callable[[Sequence[str]], None], arguments: Sequence[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What it prints and how it ends in a process of its own.

    The process is forked from one that has imported ragkit and what it needs, which is most of what a command costs.
    """
    environment = os.environ | {"NO_COLOR": "1"} | variables
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _FORKS.Process(target=_child, args=(run, arguments, environment, Path.cwd(), out, err))
        process.start()
        process.join(COMMAND_S)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired([*arguments], COMMAND_S, stderr=err.read_bytes())
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def _child(
    run: Callable[[Sequence[str]], None],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    out: Path,
    err: Path,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    run(arguments)


def ok(*arguments: str, **variables: str) -> Any:
    """The JSON object that a command prints."""
    done = ragkit(*arguments, "--json", **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def running(
    command: Sequence[str], *, answers_at: str | None = None, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A command of this environment, from its first answer at a URL to its orderly end."""
    process = subprocess.Popen(
        [str(BIN / command[0]), *command[1:]],
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if answers_at is not None:
            _wait(process, answers_at)
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def _wait(process: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"{process.args} ended with {process.returncode}: {process.communicate()[1]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} did not answer at {url} within {DEADLINE_S:.0f} s")
