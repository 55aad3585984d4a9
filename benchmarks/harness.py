"""What every benchmark records beside its numbers, and how times and memory are taken."""

from __future__ import annotations

import atexit
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from ragkit.app import Ragkit
    from ragkit.protocols import Embedder
    from ragkit.store.embeddings import VectorCache

__all__ = [
    "BIN",
    "Measured",
    "bf16",
    "embedded",
    "environment",
    "folder",
    "measure",
    "model_folders",
    "new_home",
    "opened",
    "process_tree",
    "pss",
    "record",
    "spread",
]

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "benchmarks" / "results"
BIN = Path(sys.executable).parent
"""Where `ragkit` and the other commands of this environment are."""
PACKAGES = ("chromadb", "numpy", "openvino", "ragkit", "sentence-transformers", "sqlalchemy", "tantivy", "torch")
SAMPLE_S = 0.1
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One finished command."""

    seconds: float
    peak_mb: float
    """Of the command and all its descendants, shared pages counted once (PSS) where the system tells."""
    peak_without_chroma_mb: float
    """The same without Chroma's server."""
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


def measure(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path = REPOSITORY, may_fail: bool = False
) -> Measured:
    """Run a command to its end; a failure ends the benchmark with what it wrote, unless it `may_fail`."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peak = _Peak(process.pid)
    peak.start()
    stdout, stderr = process.communicate()
    seconds = time.perf_counter() - started
    peak.join()
    if process.returncode and not may_fail:
        raise SystemExit(f"{command} exited {process.returncode}:\n{stderr}")
    return Measured(
        seconds=seconds,
        peak_mb=round(peak.bytes / 1e6, 1),
        peak_without_chroma_mb=round(peak.without_chroma / 1e6, 1),
        stdout=stdout,
    )


def environment(home: Path) -> dict[str, str]:
    """The variables of this process without any setting of ragkit but its home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGKIT_")}
    return kept | {"RAGKIT_HOME": str(home)}


def new_home(home: Path, models: Path | None = None) -> Path:
    """An empty `RAGKIT_HOME` with the embedding model converted, which is done once in an installation's life."""
    home.mkdir(parents=True)
    (home / "models").symlink_to(models or _converted_models())
    return home


@contextmanager
def opened(home: Path | None) -> Iterator[Ragkit]:
    """An engine at a home that stays, or at one of its own."""
    from ragkit.app import Ragkit
    from ragkit.settings import load

    with tempfile.TemporaryDirectory() as scratch, Ragkit.open(load(home=home or Path(scratch))) as kit:
        yield kit


def model_folders() -> dict[str, Path]:
    """The default embedding model as each backend reads it."""
    from ragkit.models.convert import kept
    from ragkit.models.folder import find
    from ragkit.settings import load

    home = _converted_models().parent
    name = load(home=home).embedder
    weights = find(name, home=home)
    made = kept(name, home=home, folder=weights)
    assert weights is not None
    assert made is not None
    return {"openvino": made, "torch": weights.path}


def bf16() -> bool:
    """Whether this processor computes in bfloat16."""
    from ragkit.models.openvino import open_core

    return "BF16" in open_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def _converted_models() -> Path:
    from ragkit.models.embed import open_embedder
    from ragkit.settings import load

    home = Path(tempfile.mkdtemp(prefix="ragkit-models-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    open_embedder(load(home=home).embedder, home=home, backend="openvino")
    return home / "models"


def embedded(texts: Sequence[str], embedder: Embedder, cache: VectorCache) -> Any:
    """The vectors of texts, a row each; each text is embedded once in the life of a home.

    A text that is too long for the model loses its tail, as it does in other frameworks.
    """
    import numpy as np

    from ragkit.passages import clipped
    from ragkit.store.embeddings import vector_key

    cut = [clipped(text, embedder) for text in texts]
    keys = [vector_key(embedder.spec.id, text) for text in cut]
    lacking = cache.missing(keys)
    todo = [(key, text) for key, text in zip(keys, cut, strict=True) if key in lacking]
    for start in range(0, len(todo), BATCH):
        part = todo[start : start + BATCH]
        cache.put([key for key, _ in part], embedder.embed_documents([text for _, text in part]))
    found = cache.find(keys, dimension=embedder.spec.dimension)
    return np.stack([found[key] for key in keys])


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
        self._chroma: dict[int, bool] = {}
        self.bytes = 0
        self.without_chroma = 0

    def run(self) -> None:
        while self._root.is_running() and self._root.status() != psutil.STATUS_ZOMBIE:
            memory = {process: pss(process) for process in process_tree(self._root)}
            self.bytes = max(self.bytes, sum(memory.values()))
            ours = sum(size for process, size in memory.items() if not self._is_chroma(process))
            self.without_chroma = max(self.without_chroma, ours)
            time.sleep(SAMPLE_S)

    def _is_chroma(self, process: psutil.Process) -> bool:
        if process.pid not in self._chroma:
            try:
                self._chroma[process.pid] = "ragkit.index.chroma_server" in process.cmdline()
            except psutil.Error:
                return False
        return self._chroma[process.pid]


def process_tree(root: psutil.Process) -> list[psutil.Process]:
    """A process with all its descendants; none when it is gone."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def pss(process: psutil.Process) -> int:
    """Bytes of its memory, shared pages counted once (PSS) where the system tells; 0 when it is gone."""
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
