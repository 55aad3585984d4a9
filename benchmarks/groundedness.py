"""The check of citations: how well it tells what a source says from what it does not say.

python -m benchmarks.groundedness --data DIR [--vectors DIR] [--fit]

DIR holds `groundedness` and `squad2`. Fitted is on `scifact_train` and on errors injected into sentences of half of the
articles of SQuAD 2.0; measured on `scifact_validation`, `wice_dev`, and on errors injected into the other half and into
the supported statements of those two, which are paraphrases. `--fit` prints weights for
`ragkit.answer.groundedness` instead. `--vectors` keeps the vectors of tokens between runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.fitting import logistic
from benchmarks.harness import record
from benchmarks.injected import KINDS
from benchmarks.labelled import EACH, TESTED, Example, Remembering, Sets
from ragkit.answer.citations import hold
from ragkit.answer.groundedness import signs
from ragkit.answer.windows import best_windows, claim_of, likeliest, together
from ragkit.evaluate.groundedness import area, interval_of, summarise
from ragkit.lexical import overlap, terms, weights
from ragkit.models.embed import open_embedder
from ragkit.reader import Reader
from ragkit.settings import load
from ragkit.text import words

LIKENESS = (
    *("met", "met_around", "covered", "order", "similar"),
    *("name", "number", "negation", "denial", "opposite", "direction", "parity"),
)
"""Signs that are fitted on what people have labelled."""
EXCHANGED = {
    "number_alone": 4.0, "date_alone": 4.0, "unit": 4.0, "number_moved": 4.0, "name_moved": 1.0, "name_replaced": 2.0,
}  # fmt: skip
"""Signs that are fitted on injected errors, each with the most that it may weigh: people write names in many ways."""
SHARED = ("statements", "auroc", "auroc_interval", "ece", "ece_interval", "confusion", "length")
"""What `ragkit evaluate groundedness` measures, too."""
DECAY = 0.003
FALSE_POSITIVES = 0.05
POSITIVE = frozenset({"met", "met_around", "covered", "order", "similar"})

Array = NDArray[Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        embedder = Remembering(open_embedder(load().embedder, home=Path(home)), options.vectors)
        sets = Sets(options.data, embedder)
        if options.fit:
            sys.stdout.write(json.dumps(fit(sets, Reader(embedder)), indent=2) + "\n")
        else:
            record("groundedness", parameters={"each": EACH}, results=measured(sets, Reader(embedder)))
        embedder.keep()


def fit(sets: Sets, reader: Reader) -> dict[str, Any]:
    """The weights of both models, in two steps; no sign may count against its sense.

    What people have labelled tells how much likeness counts, and words that turn the sense; what numbers, dates, units
    and places count is told by injected errors, as they are rare in the labelled set. The second step leaves alone what
    the first has found.
    """
    labelled, injected = sets.labelled("scifact_train"), sets.injected(fitting=True)
    found = {}
    for name, read in (("READ", reader), ("BY_WORDS", None)):
        first = [sign for sign in LIKENESS if read or sign != "similar"]  # without vectors nothing is similar
        rows = [_signs(one, read) for one in labelled]
        bias, slopes = logistic(
            _table(rows, first), _true(labelled), np.ones(len(rows)), [1 if sign in POSITIVE else -1 for sign in first]
        )
        wrong = [_signs(one, read) for one in injected]
        more = _offset_logistic(_table(wrong, list(EXCHANGED)), _true(injected), _table(wrong, first) @ slopes + bias)
        fitted = dict(zip([*first, *EXCHANGED], [*slopes, *more], strict=True))
        weights = {sign: round(float(value), 2) for sign, value in fitted.items()}
        found[name] = {"bias": round(bias, 2), "weights": {sign: value for sign, value in weights.items() if value}}
    return found


def _offset_logistic(rows: Array, positive: Array, offset: Array) -> Array:
    """Weights beside a score that is given, none above 0 and none beyond its bound."""
    side = np.where(positive, 1.0, -1.0)

    def loss(beta: Array) -> tuple[float, Array]:
        margin = side * (offset + beta[0] + rows @ beta[1:])
        pull = -side / (1 + np.exp(margin)) / len(side)
        value = float(np.logaddexp(0, -margin).mean()) + DECAY * float(beta[1:] @ beta[1:])
        return value, np.r_[pull.sum(), rows.T @ pull + 2 * DECAY * beta[1:]]

    bounds = [(None, None), *((-most, 0) for most in EXCHANGED.values())]
    return np.asarray(minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x[1:])


def _table(rows: Sequence[Mapping[str, float]], chosen: Sequence[str]) -> Array:
    return np.array([[row[sign] for sign in chosen] for row in rows])


def _true(examples: Sequence[Example]) -> Array:
    return np.array([one.label == "supported" for one in examples])


def measured(sets: Sets, reader: Reader) -> dict[str, Any]:
    """By test set, with the vectors of tokens and by words alone."""
    results: dict[str, Any] = {}
    tested = {name: sets.labelled(name) for name in TESTED}
    injected, hard = sets.injected(fitting=False), list(sets.paraphrased())
    for way, read in (("read", reader), ("by_words", None)):
        results[way] = {name: _labelled(name, examples, read) for name, examples in tested.items()}
        results[way]["injected"] = _injected(injected, read)
        results[way]["injected_into_paraphrases"] = _injected(hard, read)
    results["floor"] = {name: _floor(examples) for name, examples in tested.items()}
    return results


def _signs(example: Example, reader: Reader | None) -> Mapping[str, float]:
    claim = claim_of(example.statement)
    return signs(claim, together(claim, best_windows(claim, likeliest(claim, example.passages), reader)))


def _labelled(name: str, examples: Sequence[Example], reader: Reader | None) -> dict[str, Any]:
    checks = [hold(one.statement, one.passages, reader) for one in examples]
    verdicts, scores = [check.verdict for check in checks], [check.score for check in checks]
    found = asdict(summarise(name, [(one.statement, one.label) for one in examples], verdicts, scores))
    kinds = {one.kind for one in examples if one.label == "unsupported"}
    of_kind = {}
    for kind in sorted(kinds) if len(kinds) > 1 else ():
        chosen = [
            (one.label == "supported", s)
            for one, s in zip(examples, scores, strict=True)
            if one.label == "supported" or one.kind == kind
        ]
        of_kind[kind] = round(_area(chosen), 4)
    partial = [s for one, s in zip(examples, scores, strict=True) if one.label == "partial"]
    return {
        **{key: found[key] for key in SHARED},
        "auroc_by_kind": of_kind,
        "partial_median": round(float(np.median(partial)), 4) if partial else None,
    }  # fmt: skip


def _injected(examples: Sequence[Example], reader: Reader | None) -> dict[str, Any]:
    checks = [hold(one.statement, one.passages, reader) for one in examples]
    true = np.array([one.label == "supported" for one in examples])
    scores = np.array([check.score for check in checks])
    accepted = np.array([check.verdict == "supported" for check in checks])
    threshold = float(np.quantile(scores[true], FALSE_POSITIVES))
    kinds = [kind for kind in KINDS if any(one.kind == kind and one.label == "unsupported" for one in examples)]
    wrong = {kind: np.array([one.kind == kind for one in examples]) & ~true for kind in kinds}
    lengths = np.array([float(len(words(one.statement))) for one in examples])
    return {
        "true": int(true.sum()),
        "errors": {kind: int(those.sum()) for kind, those in wrong.items()},
        "auroc": round(area(true, scores), 4),
        "auroc_interval": interval_of(area, true, scores),
        "auroc_of_length": round(area(true, lengths), 4),
        "auroc_by_kind": _by_kind(wrong, lambda those: area(true[true | those], scores[true | those])),
        "recall_at_5_percent": _by_kind(wrong, lambda those: float((scores[those] < threshold).mean())),
        "verdicts": {
            "false_positives": round(float((~accepted[true]).mean()), 4),
            "recall": _by_kind(wrong, lambda those: float((~accepted[those]).mean())),
        },
    }  # fmt: skip


def _by_kind(wrong: Mapping[str, Array], measure: Callable[[Array], float]) -> dict[str, float]:
    return {kind: round(measure(those), 4) for kind, those in wrong.items()}


def _floor(examples: Sequence[Example]) -> float:
    """AUROC of the share of the statement's words that stand in the context."""
    shares = []
    for one in examples:
        held = {term for hit in one.passages for term in terms(hit.text)}
        shares.append((one.label == "supported", overlap(dict.fromkeys(weights(one.statement), 1.0), held)))
    return round(_area([pair for pair, one in zip(shares, examples, strict=True) if one.label != "partial"]), 4)


def _area(pairs: Any) -> float:
    sides, scores = zip(*pairs, strict=True)
    return area(np.array(sides), np.array(scores, float))


if __name__ == "__main__":
    main()
