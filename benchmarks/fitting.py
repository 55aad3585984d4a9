"""Fits the weights of `ragkit.statements` and of `ragkit.answer.abstain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.cases import Case, holds
from ragkit.answer import abstain
from ragkit.answer.evidence import signs
from ragkit.reader import Reader
from ragkit.statements import WEIGHTS, Statement, ranked

__all__ = ["fit_evidence", "fit_statements", "logistic", "right", "weighed"]

OURS = 4.0
"""What a question of `desk` counts: they are few, and have the tables, records and headings that SQuAD lacks."""
TASKS: Mapping[tuple[str, str], float] = {
    ("squad2", "unanswerable"): 1.0,
    ("squad2", "removed"): 0.5,
    ("fitz_gov", "unanswerable"): 1.0,
    ("mtrag_un", "unanswerable"): 1.0,
    ("desk", "unanswerable"): 0.5,
}
"""What telling the answerable questions of a set from those with the label counts; both weigh the same in each."""
DECAY_STATEMENTS, DECAY_EVIDENCE = 1.0, 0.003
"""Of the squared weights, against overfitting; those of the evidence are of standardised signs."""

Cases = Mapping[str, Sequence[Case]]
Vector = NDArray[np.float64]


def fit_statements(cases: Cases, reader: Reader) -> dict[str, float]:
    """The weights that make the statements with the answer likeliest: a softmax over those of each question."""
    rows, answers, counts, weights = [], [], [], []
    for name in ("squad2", "desk"):
        for case in cases[name]:
            found = ranked(reader.read(case.question, case.hits)) if case.answers else []
            is_right = [right(statement, case) for statement in found]
            if any(is_right):
                rows += [[one.features.get(feature, 0.0) for feature in WEIGHTS] for one in found]
                answers += is_right
                counts.append(len(found))
                weights.append(OURS if name == "desk" else 1.0)
    fitted = _softmax(np.array(rows), np.array(answers), np.array(counts), np.array(weights))
    return _named(WEIGHTS, fitted)


def fit_evidence(cases: Cases, reader: Reader) -> dict[str, float]:
    """Bias and weights of a logistic model; no sign may count against its sense."""
    rows, answerable, weights = [], [], []
    for (name, label), share in TASKS.items():
        chosen = [case for case in cases[name] if case.label in (label, "answerable")]
        of_label = sum(case.label == label for case in chosen)
        for case in chosen:
            found = weighed(case, reader)
            if found:
                rows.append([found[sign] for sign in abstain.WEIGHTS])
                answerable.append(case.label == "answerable")
                weights.append(share / (of_label if case.label == label else len(chosen) - of_label))
    senses = [1 if weight > 0 else -1 for weight in abstain.WEIGHTS.values()]
    bias, fitted = logistic(np.array(rows), np.array(answerable), np.array(weights), senses)
    return {"BIAS": round(bias, 2), **_named(abstain.WEIGHTS, fitted)}


def weighed(case: Case, reader: Reader) -> Mapping[str, float] | None:
    """The signs that what was found answers; none where nothing was found."""
    reading = reader.read(case.question, case.hits)
    found = ranked(reading)
    return signs(reading, found, case.hits) if found else None


def right(statement: Statement, case: Case) -> bool:
    """Whether the quoted text of a statement holds the answer."""
    unit = statement.line.unit
    return holds(case.hits[statement.marker - 1].text[unit.start : unit.end], case.answers)


def _softmax(rows: Vector, answers: Vector, counts: Vector, weights: Vector) -> Vector:
    starts, owner = np.r_[0, np.cumsum(counts)[:-1]], np.repeat(np.arange(len(counts)), counts)

    def loss(beta: Vector) -> tuple[float, Vector]:
        scores = rows @ beta
        likely = np.exp(scores - np.maximum.reduceat(scores, starts)[owner])
        every, ours = np.add.reduceat(likely, starts), np.add.reduceat(likely * answers, starts)
        pull = weights[owner] * (likely / every[owner] - likely * answers / ours[owner])
        value = -float(weights @ np.log(ours / every)) + DECAY_STATEMENTS * float(beta @ beta)
        return value, rows.T @ pull + 2 * DECAY_STATEMENTS * beta

    return minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x


def logistic(rows: Vector, positive: Vector, weights: Vector, senses: Sequence[int]) -> tuple[float, Vector]:
    weights = weights / weights.sum()
    middle = weights @ rows
    width = np.sqrt(weights @ (rows - middle) ** 2) + 1e-9
    scaled, side = (rows - middle) / width, np.where(positive, 1.0, -1.0)

    def loss(beta: Vector) -> tuple[float, Vector]:
        margin = side * (scaled @ beta[1:] + beta[0])
        pull = -weights * side / (1 + np.exp(margin))
        value = float(weights @ np.logaddexp(0, -margin)) + DECAY_EVIDENCE * float(beta[1:] @ beta[1:])
        return value, np.r_[pull.sum(), scaled.T @ pull + 2 * DECAY_EVIDENCE * beta[1:]]

    bounds = [(None, None), *((0, None) if sense > 0 else (None, 0) for sense in senses)]
    fitted = minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    slopes = fitted[1:] / width
    return float(fitted[0] - slopes @ middle), slopes


def _named(names: Mapping[str, float], values: Vector) -> dict[str, float]:
    return dict(zip(names, np.round(values, 2).tolist(), strict=True))
