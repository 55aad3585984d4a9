"""What every benchmark records beside its numbers, and how times and memory are taken."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

__all__ = ["BIN", "Measured", "environment", "folder", "measure", "record", "spread"]

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "benchmarks" / "results"
BIN = Path(sys.executable).parent
"""Where `ragkit` and the other commands of this environment are."""
PACKAGES = ("chromadb", "numpy", "openvino", "ragkit", "sentence-transformers", "sqlalchemy", "tantivy", "torch")
SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One finished command."""

    seconds: float
    peak_mb: float
    """Of the command and all its descendants, shared pages counted once (PSS) where the system tells."""
    stdout: str


def record(name: str, *, parameters: Mapping[str, Any], results: Any) -> None:
    """Write `results/NAME.json` and print it."""
    document = {
        "benchmark": name,
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(),
        "versions": {package: _version(package) for package in PACKAGES},
        "parameters": dict(parameters),
        "results": results,
    }
    text = json.dumps(document, indent=2) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def measure(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path = REPOSITORY) -> Measured:
    """Run a command to its end; a failure ends the benchmark with what it wrote."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peak = _Peak(process.pid)
    peak.start()
    stdout, stderr = process.communicate()
    seconds = time.perf_counter() - started
    peak.join()
    if process.returncode:
        raise SystemExit(f"{command} exited {process.returncode}:\n{stderr}")
    return Measured(seconds=seconds, peak_mb=round(peak.bytes / 1e6, 1), stdout=stdout)


def environment(home: Path) -> dict[str, str]:
    """The variables of this process without any setting of ragkit but its home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGKIT_")}
    return kept | {"RAGKIT_HOME": str(home)}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median with the range, in the unit given."""
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "runs": len(values),
    }


def folder(path: Path) -> dict[str, Any]:
    """What was measured on: enough to see whether two results are of the same input."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {"folder": path.name, "files": len(files), "bytes": sum(file.stat().st_size for file in files)}


class _Peak(threading.Thread):
    """Samples the memory of a process tree until its root ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self.bytes = 0

    def run(self) -> None:
        while self._root.is_running() and self._root.status() != psutil.STATUS_ZOMBIE:
            self.bytes = max(self.bytes, sum(_memory(process) for process in self._tree()))
            time.sleep(SAMPLE_S)

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.Error:
        return 0


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--", "src") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
