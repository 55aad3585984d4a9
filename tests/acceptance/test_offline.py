"""Nothing is fetched at run time: the demo's path in processes that refuse every connection but loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import BIN

GUARD = """
import socket, sys

def refuse(event, args):
    if event == "socket.getaddrinfo" and args[0] not in (None, "", "localhost", "127.0.0.1", "::1"):
        sys.stderr.write(f"NETWORK: looked up {args[0]!r}\\n")
        raise OSError("the network is blocked")
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("localhost", "127.0.0.1", "::1"):
        sys.stderr.write(f"NETWORK: connected to {args[1]!r}\\n")
        raise OSError("the network is blocked")

sys.addaudithook(refuse)
"""


@pytest.fixture
def blocked(tmp_path: Path) -> dict[str, str]:
    """An environment whose Python processes, and their children, have no network."""
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    return os.environ | {"PYTHONPATH": str(guard), "RAGKIT_HOME": str(tmp_path / "fresh"), "NO_COLOR": "1"}


def test_the_guard_holds(blocked: dict[str, str]) -> None:
    script = "import urllib.request; urllib.request.urlopen('http://example.org')"
    done = subprocess.run([sys.executable, "-c", script], env=blocked, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "NETWORK: looked up 'example.org'" in done.stderr


def test_the_demo_needs_no_network(blocked: dict[str, str], repository: Path) -> None:
    done = subprocess.run(
        [BIN / "ragkit", "demo"], env=blocked, cwd=repository, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "NETWORK" not in done.stderr
    assert "29 added" in done.stdout
    assert done.stdout.count("as it must be") == 1
    assert "[1]" in done.stdout
