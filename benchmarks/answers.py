"""Extractive answers and refusals: is the answer quoted, and is refused what was not found?

python -m benchmarks.answers --data DIR [--limit N] [--home DIR] [--fit statements|evidence]

DIR holds `squad2`, `fitz_gov` and `mtrag_un`. Half of each is for fitting; only the other half is measured. `--fit`
prints weights instead, of `ragkit.statements` or `ragkit.answer.abstain`; those of the evidence rest on those of the
statements. What is ingested and found is kept in `--home`: a run that is ended can be taken up, and one after a change
of the weights takes minutes. After a change of the search it must be removed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks.cases import SETS, Case
from benchmarks.fitting import fit_evidence, fit_statements, right, weighed
from benchmarks.harness import model_folders, record
from ragkit.answer.abstain import Judge, probability
from ragkit.answer.conflicts import disagreement
from ragkit.lexical import overlap, terms, weights
from ragkit.models.extractive import chosen
from ragkit.models.openvino import OpenVinoEmbedder
from ragkit.reader import Reader
from ragkit.statements import ranked

MEASURED = ("squad2", "fitz_gov", "mtrag_un")
KINDS = ("answerable", "unanswerable")
FITZ = (*KINDS, "disputed")
REMEMBERED = 2_000
"""Questions and passages that are kept as they were read: all those of a set."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with squad2, fitz_gov and mtrag_un")
    parser.add_argument("--limit", type=int, default=700, help="questions of SQuAD, of each kind and half")
    parser.add_argument("--fit", choices=["statements", "evidence"], help="print these weights instead")
    parser.add_argument("--home", type=Path, help="where what was ingested is kept, for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = options.home or Path(name)
        reader = Reader(OpenVinoEmbedder(model_folders()["openvino"]), remembered=REMEMBERED)
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
    record("answers", parameters={"limit": options.limit}, results=results)


def score(cases: Sequence[Case], reader: Reader) -> dict[str, Any]:
    """Shares of 0 to 1: what is quoted whether it would be refused or not, and what is refused."""
    judge = Judge(reader)
    told = [_tried(case, reader, judge) for case in cases]
    by_label = {label: [one for one in told if one.label == label] for label in sorted({one.label for one in told})}
    refused = {label: [one.refused for one in those] for label, those in by_label.items()}
    sides = [(one.probability, one.label == "answerable") for one in told if one.label in KINDS]
    quoted = [one.quoted for one in by_label["answerable"] if one.quoted is not None]
    return {
        "questions": {label: len(those) for label, those in by_label.items()},
        "refused": {label: _share(those) for label, those in refused.items()},
        "auroc": _auroc(sides),
        **({"answer_quoted_first": _share([any(q[:1]) for q in quoted])} if quoted else {}),
        **({"answer_quoted": _share([any(q) for q in quoted])} if quoted else {}),
        **({"statements": round(float(np.mean(list(map(len, quoted)))), 2)} if quoted else {}),
        **({"statements_with_answer": round(float(np.mean(list(map(np.mean, quoted)))), 4)} if quoted else {}),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """What became of a case."""

    label: str
    refused: bool
    probability: float
    """That it can be answered."""
    quoted: list[bool] | None
    """Whether each statement of the answer holds it; none where it is not known in what words."""


def _tried(case: Case, reader: Reader, judge: Judge) -> _Tried:
    found = ranked(reader.read(case.question, case.hits))
    signs = weighed(case, reader)
    return _Tried(
        label=case.label,
        refused=judge.reason_to_abstain(case.question, case.hits) is not None,
        probability=probability(signs) if signs else 0.0,
        quoted=[right(one, case) for one in chosen(found, case.question)] if case.answers else None,
    )


def _auroc(sides: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Of telling the answerable questions from the others, with 95 % by resampling the questions."""
    scores, truth = (np.array(column) for column in zip(*sides, strict=True))
    drawn = np.random.default_rng(0).integers(0, len(truth), (1000, len(truth)))
    areas = [roc_auc_score(truth[rows], scores[rows]) for rows in drawn]
    return {
        "value": round(float(roc_auc_score(truth, scores)), 4),
        "interval": np.round(np.percentile(areas, [2.5, 97.5]), 4).tolist(),
    }


def _share(held: Sequence[bool]) -> dict[str, Any]:
    """With 95 % after Wilson."""
    found = binomtest(sum(held), len(held)).proportion_ci(method="wilson")
    return {"value": round(float(np.mean(held)), 4), "interval": [round(found.low, 4), round(found.high, 4)]}


def _agreement(data: Path, reader: Reader) -> dict[str, Any]:
    """Macro-F1 of answering, refusing and naming a dispute, with an interval, beside that of thresholds on words."""
    fitting, measured = (SETS["fitz_gov"](data, data, fitting=half, limit=0) for half in (True, False))
    told = [_told(case, reader, Judge(reader)) for case in measured]
    shared = {case: _shared(case) for case in (*fitting, *measured)}
    least, both = max(
        itertools.product(np.linspace(0, 1, 21), repeat=2),
        key=lambda chosen: _macro_f1(fitting, [_by_words(shared[case], *chosen) for case in fitting]),
    )
    by_words = [_by_words(shared[case], least, both) for case in measured]
    return {
        "macro_f1": _macro_f1(measured, told),
        "macro_f1_interval": _interval(measured, told),
        "macro_f1_by_shared_words": _macro_f1(measured, by_words),
        "told": {
            label: Counter(one for case, one in zip(measured, told, strict=True) if case.label == label)
            for label in FITZ
        },
    }


def _told(case: Case, reader: Reader, judge: Judge) -> str:
    """What the product says of a case, in the words of its labels."""
    if judge.reason_to_abstain(case.question, case.hits) is not None:
        return "unanswerable"
    reading = reader.read(case.question, case.hits)
    return "disputed" if disagreement(reading.asked, ranked(reading), reading.hits) else "answerable"


def _by_words(shared: Sequence[float], least: float, both: float) -> str:
    """A floor: refused where no passage shares enough words, disputed where two of them share many."""
    best, second = sorted(shared, reverse=True)[:2] if len(shared) > 1 else (*shared, 0.0)
    return "unanswerable" if best < least else "disputed" if second >= both else "answerable"


def _shared(case: Case) -> tuple[float, ...]:
    """Of the question's words, what each passage holds."""
    return tuple(overlap(weights(case.question), set(terms(hit.text))) for hit in case.hits) or (0.0,)


def _macro_f1(cases: Sequence[Case], told: Sequence[str]) -> float:
    truth = [case.label for case in cases]
    return round(float(f1_score(truth, list(told), average="macro", labels=FITZ)), 4)


def _interval(cases: Sequence[Case], told: Sequence[str]) -> list[float]:
    """95 %, by resampling the cases."""
    drawn = np.random.default_rng(0).integers(0, len(cases), (1000, len(cases)))
    means = [_macro_f1([cases[row] for row in rows], [told[row] for row in rows]) for rows in drawn]
    return np.round(np.percentile(means, [2.5, 97.5]), 4).tolist()


if __name__ == "__main__":
    main()
