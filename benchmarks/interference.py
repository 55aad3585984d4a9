"""What ingestion costs those who ask meanwhile: the latency of `/v1/search` idle, and while a worker embeds.

python -m benchmarks.interference --data data/corpus
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.harness import BIN, environment, folder, measure, record
from benchmarks.services import free_port

DEADLINE_S = 60.0
PAUSE_S = 0.02
"""Between two questions, as someone who types would leave one."""


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that is ingested and searched")
    parser.add_argument("--questions", type=int, default=400, help="in each phase")
    parser.add_argument("--copies", type=int, default=1, help="how often the worker gets the folder, each time altered")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        env = environment(scratch / "home") | {"RAGKIT_PIPELINES": str(scratch)}
        measure([BIN / "ragkit", "ingest", arguments.data.resolve(), "--json"], env=env)
        _pipeline(scratch, arguments.data, arguments.copies)
        results = _measure(env, arguments.questions)
    record(
        "interference",
        parameters={
            "data": folder(arguments.data),
            "questions": arguments.questions,
            "copies": arguments.copies,
            "unit": "milliseconds",
        },
        results=results,
    )


def _pipeline(scratch: Path, data: Path, copies: int) -> None:
    """Altered copies of the texts, so that nothing is known from before and all of it is embedded."""
    source = scratch / "source"
    for copy in range(copies):
        for number, file in enumerate(sorted(path for path in data.rglob("*") if path.is_file())):
            target = source / str(copy) / f"{number}-{file.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix in {".md", ".txt", ".html"}:
                text = file.read_text("utf-8", "replace")
                target.write_text(text.replace(". ", f", as of edition {copy}. "), "utf-8")
            else:
                shutil.copy(file, target)
    (scratch / "again.toml").write_text('source = "source"\ncollection = "again"\n')


def _measure(env: dict[str, str], questions: int) -> dict[str, Any]:
    port = free_port()
    process = subprocess.Popen(
        [str(BIN / "ragkit"), "serve", "--port", str(port)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        _latencies(port, 50)
        idle = _latencies(port, questions)
        job = _post(port, "/v1/jobs", {"pipeline": "again"})
        while _get(port, f"/v1/jobs/{job['id']}")["state"] == "queued":
            time.sleep(0.1)
        busy, still = _busy(port, job["id"], questions)
        again = _latencies(port, questions) if not still else []
    finally:
        process.terminate()
        process.wait()
    return {
        "idle": _summary(idle),
        "while a worker ingests": _summary(busy),
        "idle again": _summary(again) if again else None,
        "p95 against idle": round(_p95(busy) / _p95(idle), 2),
        "load of the machine": [round(load, 1) for load in os.getloadavg()],
    }


def _busy(port: int, job_id: str, questions: int) -> tuple[list[float], bool]:
    """Latencies as long as the job runs, at most so many, and whether it runs still."""
    found: list[float] = []
    while len(found) < questions:
        found += _latencies(port, 10)
        if _get(port, f"/v1/jobs/{job_id}")["state"] != "running":
            return found, False
    return found, True


def _latencies(port: int, questions: int) -> list[float]:
    found = []
    for number in range(questions):
        started = time.perf_counter()
        _post(port, "/v1/search", {"query": f"notice period of contract {number}"})
        found.append(1000 * (time.perf_counter() - started))
        time.sleep(PAUSE_S)
    return found


def _summary(values: list[float]) -> dict[str, float]:
    return {
        "p50": round(statistics.median(values), 2),
        "p95": round(_p95(values), 2),
        "max": round(max(values), 2),
        "questions": len(values),
    }


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _post(port: int, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
        return json.load(response)


def _get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_S) as response:
        return json.load(response)


def _wait(port: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            if _get(port, "/readyz")["parts"].get("worker") == "ok":
                return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"The service was not ready within {DEADLINE_S:.0f} s.")


if __name__ == "__main__":
    main()
