"""Extractive answers and refusals: is the answer quoted, and is refused what was not found?

python -m benchmarks.answers --data DIR [--limit N] [--home DIR] [--fit statements|evidence]

DIR holds `squad2`, `fitz_gov` and `mtrag_un`. Half of each is for fitting; only the other half is measured. The golden
questions are measured as they are. `--fit` prints weights instead, of `ragkit.statements` or `ragkit.answer.abstain`;
those of the evidence rest on those of the statements.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks.cases import SETS, Case
from benchmarks.fitting import fit_evidence, fit_statements, right, weighed
from benchmarks.harness import REPOSITORY, model_folders, new_home, record
from ragkit.answer.abstain import Judge, probability
from ragkit.app import Ragkit
from ragkit.evaluate.golden import MODE
from ragkit.lexical import overlap, terms, weights
from ragkit.models.extractive import chosen
from ragkit.models.openvino import OpenVinoEmbedder
from ragkit.reader import Reader
from ragkit.settings import load
from ragkit.statements import ranked

MEASURED = ("squad2", "fitz_gov", "mtrag_un")
KINDS = ("answerable", "unanswerable")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with squad2, fitz_gov and mtrag_un")
    parser.add_argument("--limit", type=int, default=700, help="questions of SQuAD, of each kind and half")
    parser.add_argument("--fit", choices=["statements", "evidence"], help="print these weights instead")
    parser.add_argument("--home", type=Path, help="where what was ingested is kept, for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = options.home or Path(name)
        reader = Reader(OpenVinoEmbedder(model_folders()["openvino"]))
        if options.fit:
            cases = {
                key: load_set(options.data, home / key, fitting=True, limit=options.limit)
                for key, load_set in SETS.items()
            }
            fitted = (fit_statements if options.fit == "statements" else fit_evidence)(cases, reader)
            sys.stdout.write(json.dumps(fitted, indent=1) + "\n")
            return
        results: dict[str, Any] = {}
        for key in MEASURED:
            results[key] = score(SETS[key](options.data, home / key, fitting=False, limit=options.limit), reader)
        results["fitz_gov"] |= _agreement(options.data, reader)
        results["golden"] = _golden(home / "golden")
    record("answers", parameters={"limit": options.limit}, results=results)


def score(cases: Sequence[Case], reader: Reader) -> dict[str, Any]:
    """Shares of 0 to 1: what is quoted whether it would be refused or not, and what is refused."""
    by_label = {label: [case for case in cases if case.label == label] for label in sorted({c.label for c in cases})}
    signs = {label: [weighed(case, reader) for case in those] for label, those in by_label.items()}
    judge = Judge(reader)
    refused = {
        label: float(np.mean([judge.reason_to_abstain(case.question, case.hits) is not None for case in those]))
        for label, those in by_label.items()
    }
    answering, silent = ([probability(found) if found else 0.0 for found in signs[kind]] for kind in KINDS)
    sides = [True] * len(answering) + [False] * len(silent)
    quoted = [_quoted(case, reader) for case in by_label["answerable"] if case.answers]
    return {
        "questions": {label: len(those) for label, those in by_label.items()},
        "refused": {label: round(share, 4) for label, share in refused.items()},
        "auroc": round(float(roc_auc_score(sides, answering + silent)), 4),
        **({"answer_quoted_first": _share([q[:1] for q in quoted]), "answer_quoted": _share(quoted)} if quoted else {}),
        **({"statements": round(float(np.mean(list(map(len, quoted)))), 2)} if quoted else {}),
    }


def _share(quoted: Sequence[Sequence[bool]]) -> float:
    return round(float(np.mean(list(map(any, quoted)))), 4)


def _quoted(case: Case, reader: Reader) -> list[bool]:
    """Whether each statement of the answer holds it."""
    found = chosen(ranked(reader.read(case.question, case.hits)), case.question)
    return [right(statement, case) for statement in found]


def _agreement(data: Path, reader: Reader) -> dict[str, float]:
    """Macro-F1 of answering and refusing, beside that of a threshold on shared words; disputed ones are left out."""
    fitting, measured = (
        [case for case in SETS["fitz_gov"](data, data, fitting=half, limit=0) if case.label in KINDS]
        for half in (True, False)
    )
    judge = Judge(reader)
    refused = [judge.reason_to_abstain(case.question, case.hits) is not None for case in measured]
    least = max(np.linspace(0, 1, 51), key=lambda share: _macro_f1(fitting, [_shared(c) < share for c in fitting]))
    by_words = [_shared(case) < least for case in measured]
    return {"macro_f1": _macro_f1(measured, refused), "macro_f1_by_shared_words": _macro_f1(measured, by_words)}


def _macro_f1(cases: Sequence[Case], refused: Sequence[bool]) -> float:
    truth = [case.label == "unanswerable" for case in cases]
    return round(float(f1_score(truth, list(refused), average="macro")), 4)


def _shared(case: Case) -> float:
    held = {term for hit in case.hits for term in terms(hit.text)}
    return overlap(weights(case.question), held)


def _golden(home: Path) -> dict[str, float]:
    data = REPOSITORY / "data"
    with Ragkit.open(load(home=home if home.exists() else new_home(home))) as kit:
        found = kit.evaluate.golden(data / "golden" / "questions.jsonl", corpus=data / "corpus")
    return dict(found.measures[MODE])


if __name__ == "__main__":
    main()
