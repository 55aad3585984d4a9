"""Follow-up questions without a model: is what answers them found?

python -m benchmarks.conversation --data DIR [--home DIR]

DIR holds `mtrag_un`. What is lent to a follow-up was designed on one half of its conversations; the other is measured.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import is_even, lines, written
from benchmarks.harness import new_home, record
from ragkit.answer.history import search_query, standalone_by_rule
from ragkit.app import Ragkit
from ragkit.settings import load

DEEP, K = 15, 5
DRAWS = 5000
"""Of the bootstrap that gives the intervals."""


def by_rule(turns: Sequence[str]) -> str:
    """As it is read and answered: each question with what it takes over from the one before."""
    said: str | None = None
    for turn in turns:
        said = standalone_by_rule(turn, said)
    return said or ""


FORMS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "last turn only": lambda turns: turns[-1],
    "all user turns": "\n".join,
    "as it is read": by_rule,
    "as it is searched for": lambda turns: search_query(turns[-1], turns[-2] if len(turns) > 1 else None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with mtrag_un")
    parser.add_argument("--home", type=Path, help="where what was ingested is kept, for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = searched(options.data / "mtrag_un", options.home or Path(name) / "home")
    halves = {"design": True, "report": False}
    results = {half: measured(found, is_design=side) for half, side in halves.items()}
    record("conversation", parameters={"k": K, "mode": "hybrid", "draws": DRAWS}, results=results)


def searched(folder: Path, home: Path) -> list[dict[str, Any]]:
    """For each follow-up the share of what answers it that each form of the question finds."""
    corpus = [row["_id"] for row in lines(folder / "corpus.jsonl")]
    said = {
        task["id"]: [message["content"] for message in task["messages"] if message["role"] == "user"]
        for task in lines(folder / "tasks.jsonl")
    }
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]:
        question, document, _ = line.split("\t")
        relevant.setdefault(question, set()).add(document)
    found = []
    with Ragkit.open(load(home=home if home.exists() else new_home(home))) as kit:
        kit.ingest(written(folder, home))
        for question, wanted in relevant.items():
            if len(said[question]) > 1:
                shares = {}
                for form, make in FORMS.items():
                    hits = kit.search(make(said[question])[:8000], k=DEEP).hits
                    documents = list(dict.fromkeys(corpus[int(Path(hit.uri).stem)] for hit in hits))[:K]
                    shares[form] = len(wanted & set(documents)) / len(wanted)
                found.append({"id": question, "is_design": is_even(question.split("<")[0]), "recall": shares})
    return found


def measured(found: Sequence[dict[str, Any]], *, is_design: bool) -> dict[str, Any]:
    """Mean recall of each form, and by how much the last is better than each, with 95 % intervals."""
    rows = np.array([[one["recall"][form] for form in FORMS] for one in found if one["is_design"] == is_design])
    draws = np.random.default_rng(0).integers(len(rows), size=(DRAWS, len(rows)))
    gains = rows[:, -1:] - rows
    low, high = np.percentile(gains[draws].mean(axis=1), [2.5, 97.5], axis=0)
    return {
        "follow_ups": len(rows),
        f"recall@{K}": {form: round(float(mean), 4) for form, mean in zip(FORMS, rows.mean(axis=0), strict=True)},
        "gain_of_what_is_searched_for": {
            form: [round(float(value), 4) for value in (gains[:, column].mean(), low[column], high[column])]
            for column, form in enumerate(FORMS)
        },
    }


if __name__ == "__main__":
    main()
