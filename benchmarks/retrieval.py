"""Quality of search on test collections in BEIR's format, through the product: every mode, and what combining gains.

python -m benchmarks.retrieval --data DIR [--sets scifact …] [--home DIR]

DIR has a folder a test collection. With `--home` what was ingested and measured is kept: a run that was broken off goes
on where it was, and sets that are not named keep their results.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS, opened, record
from ragkit.app import Ragkit
from ragkit.errors import ConfigError
from ragkit.evaluate.compare import gains
from ragkit.evaluate.dataset import read_dataset
from ragkit.evaluate.runs import Evaluation, made_here
from ragkit.types import Mode

SETS = ("scifact", "squad2", "mtrag_un", "pydocs_faq", "xquad/en", "xquad/de", "xquad/es", "xquad/zh")
MODES: tuple[Mode, ...] = ("dense", "keyword", "hybrid", "hybrid+rerank")
MARGIN = -0.005
"""Combining may cost no more than this on any set, at the lower end of the interval."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--sets", nargs="+", default=SETS, help="folders below it")
    parser.add_argument("--modes", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--home", type=Path, help="a RAGKIT_HOME that stays")
    given = parser.parse_args()
    results = _earlier() if given.home else {}
    with opened(given.home) as kit:
        for name in given.sets:
            results[name] = measure(kit, given.data / name, given.modes)
            results = {key: results[key] for key in sorted(results, key=_order)}
            record("retrieval", parameters={"measures": "of documents"}, results=results | {"all": _summary(results)})


def measure(kit: Ragkit, folder: Path, modes: Sequence[Mode]) -> dict[str, Any]:
    """One test collection in each mode, and the modes that combine against the better of their parts."""
    runs: dict[str, Evaluation] = {}
    for mode in modes:
        try:
            runs[mode] = _stored(kit, folder, mode) or kit.evaluate.retrieval(folder, modes=(mode,))
        except ConfigError as error:
            print(f"{mode}: {error.detail}")
    values = {mode: kit.evaluate.per_question(run.id).values[mode] for mode, run in runs.items()}
    first = next(iter(runs.values()))
    return {
        "questions": first.settings["questions"],
        "judgements": first.settings["judgements"],
        "dataset_sha256": first.dataset_sha256,
        "commit": first.made.commit,
        "missing": len(first.missing),
        "measures": {mode: run.measures[mode] for mode, run in runs.items()},
        "intervals": {mode: run.intervals[mode] for mode, run in runs.items()},
        "gains": {mode: {name: asdict(gain) for name, gain in found.items()} for mode, found in gains(values).items()},
    }


def _stored(kit: Ragkit, folder: Path, mode: Mode) -> Evaluation | None:
    """What this very code has measured already."""
    sha256, made = read_dataset(folder).sha256, made_here()
    if made.commit is None or made.commit.endswith("+changes"):
        return None
    same = (e for e in kit.evaluate.list() if (e.dataset_sha256, e.made) == (sha256, made) and mode in e.measures)
    return next(same, None)


def _summary(results: dict[str, Any]) -> dict[str, Any]:
    """The gain of each mode that combines, over the sets, by nDCG@10."""
    found: dict[str, dict[str, Any]] = {}
    for mode in ("hybrid", "hybrid+rerank"):
        by_set = {name: one["gains"][mode]["nDCG@10"] for name, one in results.items() if mode in one["gains"]}
        if by_set:
            found[mode] = {
                "mean_gain": round(sum(gain["mean"] for gain in by_set.values()) / len(by_set), 4),
                "lowest_bound": min(gain["low"] for gain in by_set.values()),
                "sets_below_margin": [name for name, gain in by_set.items() if gain["low"] < MARGIN],
            }
    return found


def _earlier() -> dict[str, Any]:
    file = RESULTS / "retrieval.json"
    results: dict[str, Any] = json.loads(file.read_text())["results"] if file.exists() else {}
    results.pop("all", None)
    return results


def _order(name: str) -> int:
    return SETS.index(name) if name in SETS else len(SETS)


if __name__ == "__main__":
    main()
