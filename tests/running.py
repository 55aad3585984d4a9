"""Starting the product's own commands, as a person would, on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
RAGKIT = BIN / "ragkit"
DEADLINE_S = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ragkit(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder and with the `RAGKIT_HOME` of this test."""
    environment = os.environ | {"NO_COLOR": "1"} | variables
    return subprocess.run(
        [RAGKIT, *arguments], env=environment, capture_output=True, text=True, timeout=250, check=False
    )


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
