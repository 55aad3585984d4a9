"""Fusions of the dense and the keyword list, side by side, and the model of the dense weight.

    python -m benchmarks.fusion --data DIR [--home DIR] [--fit]

DIR holds folders in BEIR's format. The lists come from the product's own chunking, embedder and keyword index; with
`--home` vectors are kept, those of other benchmarks too, so that nothing is embedded twice. Passages are folded back to
documents. Parameters are chosen on the training part of each set alone: SciFact's own, and every other article,
conversation or question elsewhere. What is printed of the other part was not looked at.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import record
from benchmarks.lists import Asked, Ranking, ndcg, read
from ragkit.evaluate.significance import paired
from ragkit.models.embed import open_embedder
from ragkit.retrieve.fusion import (
    CHANCE,
    above_background,
    convex,
    cosines,
    less_chance,
    reciprocal_rank,
    standardised,
    theoretical,
)
from ragkit.retrieve.weights import COEFFICIENTS, Coefficients, dense_weight
from ragkit.settings import load
from ragkit.store.embeddings import VectorCache
from ragkit.store.engine import Database

SETS = ("scifact", "squad2", "mtrag_un", "pydocs_faq", "xquad/en", "xquad/de", "xquad/es", "xquad/zh")
FOLDED = 60
"""Passages that are folded to documents."""
WEIGHTS = np.linspace(0, 1, 41)
PENALTY = 1e-3
FIXED = 0.5
CHANCES = np.linspace(0, 0.1, 11)
IN_USE = "weight by signals, less by length"

Array = NDArray[np.float64]


def curve(asked: Asked) -> Array:
    """nDCG@10 at each of `WEIGHTS`."""
    dense, keyword = cosines(asked.filled), above_background(asked.keyword)
    ids = sorted(dense.keys() | keyword.keys())
    first, second = (np.array([scores.get(key, 0.0) for key in ids]) for scores in (dense, keyword))
    order = np.argsort(-(np.outer(WEIGHTS, first) + np.outer(1 - WEIGHTS, second)), axis=1, kind="stable")
    return np.array([ndcg([ids[place] for place in places[:FOLDED]], asked.relevant) for places in order])


def features(asked: Sequence[Asked]) -> Array:
    """A row a question: 1 and its signals."""
    return np.array([[1.0, one.signals.flatness, one.signals.scarcity, one.signals.pieces] for one in asked])


def fit(parts: Sequence[tuple[Array, Array]]) -> Coefficients:
    """The coefficients that give the highest mean nDCG@10, each set counting alike.

    nDCG as a function of the weight is a step function: it is smoothed over neighbouring weights first.

    Args:
        parts: For each set its features and its curves.
    """
    from scipy.optimize import minimize

    pooled = np.concatenate([rows[:150] for rows, _ in parts])
    mean, width = pooled.mean(axis=0), pooled.std(axis=0)
    mean[0], width[0] = 0.0, 1.0
    scaled = [((rows - mean) / width, _smooth(curves)) for rows, curves in parts]

    def loss(beta: Array) -> float:
        values = [_at(curves, 1 / (1 + np.exp(-rows @ beta))).mean() for rows, curves in scaled]
        return float(PENALTY * beta[1:] @ beta[1:] - np.mean(values))

    beta = minimize(loss, np.zeros(4), method="L-BFGS-B").x
    raw = beta / width
    raw[0] -= raw[1:] @ mean[1:]
    bias, flatness, scarcity, pieces = (round(float(value), 2) for value in raw)
    return Coefficients(bias=bias, flatness=flatness, scarcity=scarcity, pieces=pieces)


def _smooth(curves: Array) -> Array:
    kernel = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    padded = np.pad(curves, ((0, 0), (4, 4)), mode="edge")
    return np.array([np.convolve(row, kernel / kernel.sum(), "valid") for row in padded])


def _at(curves: Array, weights: Array) -> Array:
    """Each curve at its weight, between the two nearest."""
    place = np.clip(weights * (len(WEIGHTS) - 1), 0, len(WEIGHTS) - 1 - 1e-9)
    low, rows = place.astype(int), np.arange(len(curves))
    share = place - low
    return np.asarray(curves[rows, low] * (1 - share) + curves[rows, low + 1] * share)


def best_weight(curves: Array) -> float:
    """The one weight that is best for all questions of a set: what labels of the set itself can give."""
    return float(WEIGHTS[_smooth(curves).mean(axis=0).argmax()])


def by_length(one: Asked, *, chance: float) -> Ranking:
    """The fusion in use, with another discount for long documents."""
    merged = convex(cosines(one.filled), above_background(one.keyword), weight=dense_weight(one.signals))
    return less_chance(merged, one.siblings, chance=chance)


def best_chances(training: Mapping[str, Sequence[Asked]]) -> dict[str, list[float]]:
    """Mean nDCG@10 at each of `CHANCES`, of each set."""
    return {
        name: [
            round(float(np.mean([_value(by_length(one, chance=chance), one) for one in questions])), 4)
            for chance in CHANCES
        ]
        for name, questions in training.items()
    }


def _value(merged: Ranking, one: Asked) -> float:
    return ndcg([key for key, _ in merged[:FOLDED]], one.relevant)


def fusions(
    anew: Mapping[str, Coefficients], own: Mapping[str, float], name: str
) -> dict[str, Callable[[Asked], Ranking]]:
    """What is compared.

    Args:
        anew: Models that were fitted just now, each without the set that it is named after, and `all`; or none.
        own: The best weight of each set, by its training part.
        name: The set that is measured.
    """

    def at(one: Asked, weight: float) -> Ranking:
        return convex(cosines(one.filled), above_background(one.keyword), weight=weight)

    def weighted(one: Asked, coefficients: Coefficients) -> Ranking:
        return at(one, dense_weight(one.signals, model=coefficients))

    def over_best(one: Asked) -> dict[str, float]:
        return theoretical(one.keyword, least=0)

    fitted: dict[str, Callable[[Asked], Ranking]] = {
        "fitted anew": lambda one: weighted(one, anew["all"]),
        "fitted anew, this set left out": lambda one: weighted(one, anew[name]),
    }
    return {
        "keyword": lambda one: one.keyword,
        "dense": lambda one: one.dense,
        "reciprocal rank": lambda one: reciprocal_rank(one.dense, one.keyword),
        "theoretical min-max": lambda one: convex(theoretical(one.dense, least=-1), over_best(one), weight=FIXED),
        "distribution-based": lambda one: convex(standardised(one.dense), standardised(one.keyword), weight=FIXED),
        "cosine and BM25 over its best": lambda one: convex(cosines(one.dense), over_best(one), weight=FIXED),
        "with every cosine": lambda one: convex(cosines(one.filled), over_best(one), weight=FIXED),
        "above the background": lambda one: at(one, FIXED),
        "weight by signals": lambda one: weighted(one, COEFFICIENTS),
        IN_USE: lambda one: by_length(one, chance=CHANCE),
        **(fitted if anew else {}),
        "one weight, by labels of the set": lambda one: at(one, own[name]),
    }


def table(
    asked: Mapping[str, Sequence[Asked]], anew: Mapping[str, Coefficients], own: Mapping[str, float]
) -> dict[str, dict[str, object]]:
    """nDCG@10 on the held-out part of each set, and hybrid against the better part, paired."""
    found: dict[str, dict[str, object]] = {}
    for name, questions in asked.items():
        held_out = [one for one in questions if not one.training]
        values = {
            label: [_value(merge(one), one) for one in held_out] for label, merge in fusions(anew, own, name).items()
        }
        better = max(values["keyword"], values["dense"], key=np.mean)
        gain = paired(better, values[IN_USE])
        found[name] = {
            "questions": len(held_out),
            **{label: round(float(np.mean(each)), 4) for label, each in values.items()},
            "over the better part": [gain.mean, gain.low, gain.high],
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--home", type=Path, help="a RAGKIT_HOME that stays")
    parser.add_argument("--fit", action="store_true", help="fit the model again too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        settings = load(home=given.home or work)
        embedder = open_embedder(settings.embedder, home=settings.home, backend=settings.embedder_backend)
        with closing(Database.open(f"sqlite:///{settings.home / 'ragkit.db'}")) as database:
            cache, names = VectorCache(database), [name for name in SETS if (given.data / name).is_dir()]
            asked = {name: read(name, given.data, work, embedder, cache) for name in names}
    training = {name: [one for one in questions if one.training] for name, questions in asked.items()}
    curves = {name: np.array([curve(one) for one in questions]) for name, questions in training.items()}
    own = {name: best_weight(found) for name, found in curves.items()}
    anew: dict[str, Coefficients] = {}
    if given.fit:
        parts = {name: (features(questions), curves[name]) for name, questions in training.items()}
        anew = {name: fit([part for other, part in parts.items() if other != name]) for name in parts}
        anew["all"] = fit(list(parts.values()))
    coefficients = {"in use": COEFFICIENTS, **anew}
    record(
        "fusion",
        parameters={"questions to fit by": {name: len(questions) for name, questions in training.items()}},
        results={
            "coefficients": {name: repr(found) for name, found in coefficients.items()},
            "best weights": own,
            "discounts": {"of": [round(float(chance), 3) for chance in CHANCES], **best_chances(training)},
            "sets": table(asked, anew, own),
        },
    )


if __name__ == "__main__":
    main()
