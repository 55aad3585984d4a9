"""What a second run costs: nothing changed, one file in a hundred changed by a sentence, every file changed by one.

python -m benchmarks.rerun [--data DIR] [--files 2000 20000]
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.corpora import change_a_sentence, sample, write_documents
from benchmarks.harness import BIN, REPOSITORY, environment, folder, measure, new_home, record, spread

SHARE_CHANGED = 0.01


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "data" / "corpus", help="documents that are edited")
    parser.add_argument("--edits", type=int, default=100, help="this many of them, drawn at random")
    parser.add_argument("--files", type=int, nargs=2, default=[2_000, 20_000], help="small generated files")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        few, many = (unchanged(scratch / str(count), count, given.runs, given.seed) for count in given.files)
        seconds = many["seconds"]["median"] - few["seconds"]["median"]
        results = {
            "nothing_changed": {str(run["found"]): run for run in (few, many)},
            "marginal_files_per_s": round((given.files[1] - given.files[0]) / seconds),
            "some_changed": some_changed(scratch / str(given.files[1]), given.seed),
            "each_changed": each_changed(given.data, scratch / "edited", given.edits, given.seed),
        }
    parameters = {"files": given.files, "edited": folder(given.data), "edits": given.edits, "seed": given.seed}
    record("rerun", parameters=parameters, results=results)


def unchanged(scratch: Path, count: int, runs: int, seed: int) -> dict[str, Any]:
    """Ingest small files, and then again, each time in a new process; the time is the whole command's."""
    write_documents(scratch / "files", count, length=3, seed=seed)
    home = new_home(scratch / "home")
    _ingest(home, scratch / "files")
    again = [_ingest(home, scratch / "files") for _ in range(runs)]
    report = again[0]["report"]
    if report["unchanged"] != count or report["embedded"] or report["chunks"]:
        raise SystemExit(f"Nothing had changed, and the second run did this: {report}")
    seconds = spread([run["seconds"] for run in again])
    return {"found": count, "embedded": 0, "parsed": 0, "seconds": seconds, "peak_mb": again[0]["peak_mb"]}


def some_changed(scratch: Path, seed: int) -> dict[str, Any]:
    """One sentence in one small file of a hundred."""
    files = sorted((scratch / "files").rglob("*.txt"))
    chosen = random.Random(seed).sample(files, max(1, round(len(files) * SHARE_CHANGED)))
    for file in chosen:
        change_a_sentence(file)
    run = _ingest(scratch / "home", scratch / "files")
    return _per_file(run, changed=len(chosen))


def each_changed(data: Path, scratch: Path, edits: int, seed: int) -> dict[str, Any]:
    """One sentence in the middle of each of some documents, which are ingested one at a time to count for each."""
    files = sample(data, scratch / "files", limit=edits, seed=seed)
    home = new_home(scratch / "home")
    _ingest(home, files)
    changed = [file for file in sorted(files.rglob("*")) if file.is_file() and change_a_sentence(file)]
    texts = _embedded_for_each(home, changed)
    return {
        "changed": len(texts),
        "embedded": sum(texts),
        "embedded_a_file": round(sum(texts) / len(texts), 2),
        "at_most_3": round(sum(count <= 3 for count in texts) / len(texts), 3),
        "most": max(texts),
    }


def _embedded_for_each(home: Path, files: list[Path]) -> list[int]:
    from ragkit import Ragkit
    from ragkit.settings import load

    with Ragkit.open(load(home=home)) as kit:
        reports = [kit.ingest(file) for file in files]
    return [report.embedded for report in reports if report.updated]


def _per_file(run: dict[str, Any], *, changed: int) -> dict[str, Any]:
    report = run["report"]
    return {
        "changed": changed,
        "updated": report["updated"],
        "embedded": report["embedded"],
        "embedded_a_file": round(report["embedded"] / changed, 2),
        "seconds": round(run["seconds"], 3),
    }


def _ingest(home: Path, files: Path) -> dict[str, Any]:
    measured = measure([BIN / "ragkit", "ingest", files, "--json"], env=environment(home))
    return {"seconds": measured.seconds, "peak_mb": measured.peak_mb, "report": json.loads(measured.stdout)}


if __name__ == "__main__":
    main()
