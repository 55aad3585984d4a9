"""What ingestion costs over embedding alone: folders through ragkit, from bytes to searchable, and the same texts
through plain SentenceTransformer.encode and through the fastest known way to embed them, in turn in the same run.

python -m benchmarks.ingest --data DIR [DIR ...] [--limit FILES]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.corpora import sample
from benchmarks.harness import BIN, bf16, environment, folder, measure, model_folders, new_home, record, spread

SIDES = Path(__file__).parent / "sides"


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, nargs="+", help="the folders to ingest")
    parser.add_argument("--limit", type=int, help="this many files of each folder, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--name", default="ingest", help="of the file in results/")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        results = {}
        for data in given.data:
            taken = sample(data, scratch / data.name / "files", limit=given.limit, seed=given.seed)
            results[data.name] = compare(taken, scratch / data.name, runs=given.runs)
    record(
        given.name,
        parameters={
            "data": [folder(data) for data in given.data],
            "limit": given.limit,
            "seed": given.seed,
            "precision": precision(),
        },
        results=results,
    )


def precision() -> str:
    """What both comparisons compute in."""
    return "bf16" if bf16() else "f32"


def compare(files: Path, scratch: Path, *, runs: int) -> dict[str, Any]:
    """All sides in turn, `runs` times, so that a slow minute of the machine is everybody's."""
    texts = scratch / "texts.json"
    measured: dict[str, list[dict[str, Any]]] = {"ragkit": [], "openvino": [], "torch": []}
    for run in range(runs):
        home = new_home(scratch / f"home-{run}")
        program = [sys.executable, "-m", "benchmarks.sides.ragkit_ingest", home, files, *([] if run else [texts])]
        measured["ragkit"].append(_side(program, home))
        for backend, model in model_folders().items():
            program = [sys.executable, SIDES / "embed.py", backend, precision(), model, texts]
            measured[backend].append(_side(program, home))
    again = json.loads(measure([BIN / "ragkit", "ingest", files, "--json"], env=environment(home)).stdout)
    return _summary(measured, again)


def _summary(measured: dict[str, list[dict[str, Any]]], again: dict[str, Any]) -> dict[str, Any]:
    report = measured["ragkit"][0]["report"]
    texts = measured["torch"][0]["texts"]
    if report["embedded"] != texts:
        raise SystemExit(f"ragkit embedded {report['embedded']} texts, and {texts} were found in its catalog.")
    summary: dict[str, Any] = {"files": report["found"], "chunks": report["chunks"], "distinct_texts": texts}
    for side, runs in measured.items():
        seconds = spread([run["seconds"] for run in runs])
        summary[side] = {
            "seconds": seconds,
            "texts_per_s": round(texts / seconds["median"], 1),
            "peak_mb": max(run["peak_mb"] for run in runs),
        }
    for backend in ("torch", "openvino"):
        pairs = zip(measured[backend], measured["ragkit"], strict=True)
        ratios = [embedding["seconds"] / ours["seconds"] for embedding, ours in pairs]
        summary[f"ragkit_over_{backend}"] = {"median": round(statistics.median(ratios), 3), "runs": _rounded(ratios)}
    summary["files_per_s"] = round(report["found"] / summary["ragkit"]["seconds"]["median"], 1)
    summary["nothing_changed"] = {key: again[key] for key in ("unchanged", "embedded", "seconds")}
    return summary


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 3) for value in values]


def _side(program: list[str | Path], home: Path) -> dict[str, Any]:
    measured = measure(program, env=environment(home))
    return {**json.loads(measured.stdout.splitlines()[-1]), "peak_mb": measured.peak_mb}


if __name__ == "__main__":
    main()
