"""Answers to the golden questions: right source, right fact, refused where the corpus is silent.

python -m benchmarks.golden [--data data]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.harness import REPOSITORY, folder, record
from ragkit.app import Ragkit
from ragkit.evaluate.golden import MODE, missed
from ragkit.settings import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "data", help="a folder with corpus/ and golden/")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as home, Ragkit.open(load(home=Path(home))) as kit:
        found = kit.evaluate.golden(data / "golden" / "questions.jsonl", corpus=data / "corpus")
        each = kit.evaluate.per_question(found.id)
    refused = [value for value in each.values[MODE]["refused_rightly"] if value is not None]
    results = {
        **found.measures[MODE],
        "intervals": found.intervals[MODE],
        "answerable": len(each.ids) - len(refused),
        "unanswerable": len(refused),
        "times": found.times[MODE],
        "missed": missed(each),
    }
    record("golden", parameters=folder(data / "corpus"), results=results)


if __name__ == "__main__":
    main()
