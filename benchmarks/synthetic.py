"""What `ragkit tune` chooses by synthetic questions, and what real questions say of that choice.

python -m benchmarks.synthetic --data DIR [--sets scifact …] [--home DIR]

DIR has a folder a test collection, in BEIR's format. With `--home` what was ingested and measured is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS, opened, record
from ragkit.app import Ragkit
from ragkit.evaluate.dataset import read_dataset

SETS = ("scifact", "squad2", "mtrag_un", "pydocs_faq", "xquad/en", "xquad/de", "xquad/es", "xquad/zh")
MOST = 300
"""Real questions of a set, evenly spread."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--sets", nargs="+", default=SETS, help="folders below it")
    parser.add_argument("--home", type=Path, help="a RAGKIT_HOME that stays")
    given = parser.parse_args()
    earlier = RESULTS / "synthetic.json"
    results = json.loads(earlier.read_text("utf-8"))["results"] if given.home and earlier.is_file() else {}
    with opened(given.home) as kit:
        for name in given.sets:
            results[name] = compared(kit, given.data / name)
            record("synthetic", parameters={"measure": "nDCG@10", "real questions at most": MOST}, results=results)


def compared(kit: Ragkit, folder: Path) -> dict[str, Any]:
    """One collection: what real questions give by default, at the offset by synthetic ones, and at their own best."""
    with tempfile.TemporaryDirectory() as scratch:
        sample = sampled(folder, Path(scratch))
        collection = kit.evaluate.retrieval(sample, split="sample", modes=("dense",)).collection
        real = kit.evaluate.tune(sample, collection=collection, split="sample")
        made = kit.evaluate.tune(collection=collection)
    chosen = made.offset if made.kept else 0.0
    return {
        "synthetic": {"questions": made.questions, "best": made.offset, "kept": made.kept, "tried": dict(made.tried)},
        "real": {"questions": real.questions, "best": real.offset, "kept": real.kept, "tried": dict(real.tried)},
        "real by default": real.default,
        "real at what is in use after synthetic tuning": real.tried[f"{chosen:+.1f}"],
        "real at the best by synthetic questions": real.tried[f"{made.offset:+.1f}"],
        "real at their best": max(real.tried.values()),
    }


def sampled(folder: Path, scratch: Path) -> Path:
    """The same collection with some of its questions."""
    sample = scratch / folder.name
    (sample / "qrels").mkdir(parents=True)
    for name in ("corpus.jsonl", "queries.jsonl"):
        shutil.copyfile(folder / name, sample / name)
    dataset = read_dataset(folder)
    some = list(dataset.queries)[:: max(1, len(dataset.queries) // MOST)][:MOST]
    rows = [f"{key}\t{document}\t{value}" for key in some for document, value in dataset.qrels[key].items()]
    (sample / "qrels" / "sample.tsv").write_text("\n".join(rows), "utf-8")
    return sample


if __name__ == "__main__":
    main()
