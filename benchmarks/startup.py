"""How long it takes to start: the import, the command line, a one-shot search, the service.

python -m benchmarks.startup --data data/corpus
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.harness import BIN, environment, folder, measure, record, spread

DEADLINE_S = 60.0


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that is searched")
    parser.add_argument("--query", default="notice period", help="what is searched for")
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        env = environment(Path(home))
        measure([BIN / "ragkit", "ingest", arguments.data.resolve(), "--json"], env=env)
        search = [BIN / "ragkit", "search", arguments.query, "--json"]
        commands: dict[str, list[str | Path]] = {
            "python, nothing imported": [sys.executable, "-c", "pass"],
            "import ragkit": [sys.executable, "-c", "import ragkit"],
            "ragkit --help": [BIN / "ragkit", "--help"],
            "ragkit search": search,
        }
        results = {name: _times(command, env, arguments.runs) for name, command in commands.items()}
        results["ragkit serve, to its first answer"] = spread([_serve(env) for _ in range(arguments.runs)])
    record(
        "startup",
        parameters={"data": folder(arguments.data), "query": arguments.query, "unit": "seconds", "cache": "warm"},
        results=results,
    )


def _times(command: list[str | Path], env: dict[str, str], runs: int) -> dict[str, float]:
    measured = [measure(command, env=env) for _ in range(runs + 1)][1:]  # the first one fills the page cache
    return spread([one.seconds for one in measured]) | {"peak_mb": max(one.peak_mb for one in measured)}


def _serve(env: dict[str, str]) -> float:
    """Seconds from starting the service to the answer to a search."""
    port = _free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(BIN / "ragkit"), "serve", "--port", str(port)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - started < DEADLINE_S:
            if _search(port):
                return time.perf_counter() - started
            time.sleep(0.02)
        raise SystemExit(f"The service did not answer within {DEADLINE_S:.0f} s.")
    finally:
        process.terminate()
        process.wait()


def _search(port: int) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/search",
        json.dumps({"query": "notice period"}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return json.load(response)["hits"]
    except (urllib.error.URLError, OSError):
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
