"""The check of citations measured by statements of which somebody has said whether their context supports them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from ragkit.errors import InputError
from ragkit.evaluate.dataset import json_lines
from ragkit.types import Verdict

__all__ = [
    "Groundedness",
    "Label",
    "Labelled",
    "area",
    "calibration_error",
    "interval_of",
    "read_labelled",
    "summarise",
]

Label = Literal["supported", "partial", "unsupported"]
VERDICTS: tuple[Verdict, ...] = ("supported", "partly", "unsupported", "contradicted")
LABELS: tuple[Label, ...] = ("supported", "partial", "unsupported")
BINS = 10
RESAMPLES = 1_000
FEWEST = 2
"""Statements of each side below which nothing is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A statement, what it is to rest on, and whether it does."""

    context: str
    statement: str
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Groundedness:
    """How well the check tells supported statements from unsupported ones; `partial` ones are in the confusion only."""

    dataset: str
    statements: Mapping[str, int]
    """How many there are of each label."""
    auroc: float
    """How often a supported statement has a higher probability than an unsupported one."""
    auroc_interval: tuple[float, float]
    """95 %, by bootstrap."""
    ece: float
    """Expected calibration error: how far the probability is from the share that is supported, in ten bins."""
    ece_interval: tuple[float, float]
    confusion: Mapping[str, Mapping[str, int]]
    """By label, by verdict."""
    took_s: float = 0.0
    checked_by: Mapping[str, int] = field(default_factory=dict)
    """How many verdicts are whose."""


def read_labelled(file: Path) -> list[Labelled]:
    """One `{"context", "statement", "label"}` a line; a label is `supported`, `partial` or `unsupported`.

    Raises:
        InputError: The file cannot be read, a line lacks something, or there are too few of a label.
    """
    adapter = TypeAdapter(Labelled)
    found = []
    for number, row in json_lines(file):
        try:
            found.append(adapter.validate_python(row))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(
                f"Line {number} of {str(file)!r} is not a labelled statement: {where}: {first['msg']}.",
                hint='A line is {"context": …, "statement": …, "label": "supported", "partial" or "unsupported"}.',
            ) from error
    for label in ("supported", "unsupported"):
        if sum(one.label == label for one in found) < FEWEST:
            raise InputError(f"{str(file)!r} has fewer than {FEWEST} statements that are {label}.")
    return found


def summarise(
    dataset: str,
    labels: Sequence[Label],
    verdicts: Sequence[Verdict],
    scores: Sequence[float],
    *,
    checked_by: Sequence[str] = (),
    took_s: float = 0.0,
) -> Groundedness:
    """The measures of checked statements."""
    sides = np.array([label != "unsupported" for label, _ in zip(labels, scores, strict=True) if label != "partial"])
    values = np.array([score for label, score in zip(labels, scores, strict=True) if label != "partial"])
    pairs = list(zip(labels, verdicts, strict=True))
    kinds = [label for label in LABELS if label in labels]
    return Groundedness(
        dataset=dataset,
        statements={label: list(labels).count(label) for label in kinds},
        auroc=round(area(sides, values), 4),
        auroc_interval=interval_of(area, sides, values),
        ece=round(calibration_error(sides, values), 4),
        ece_interval=interval_of(calibration_error, sides, values),
        confusion={label: {verdict: pairs.count((label, verdict)) for verdict in VERDICTS} for label in kinds},
        took_s=took_s,
        checked_by=dict(Counter(checked_by)),
    )


def area(sides: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """The area under the ROC curve, by ranks (Mann and Whitney 1947); ties count half."""
    order = np.argsort(scores, kind="stable")
    _, first, inverse, counts = np.unique(scores[order], return_index=True, return_inverse=True, return_counts=True)
    ranks = np.empty(len(scores))
    ranks[order] = (first + (counts + 1) / 2)[inverse]
    positive = int(sides.sum())
    negative = len(sides) - positive
    return float((ranks[sides].sum() - positive * (positive + 1) / 2) / (positive * negative))


def calibration_error(sides: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Expected calibration error over bins of equal width (Naeini et al. 2015)."""
    places = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [
        abs(float(sides[places == place].mean()) - float(scores[places == place].mean()))
        * float((places == place).mean())
        for place in np.unique(places)
    ]
    return float(sum(gaps))


def interval_of(
    measure: Callable[[NDArray[np.bool_], NDArray[np.float64]], float],
    sides: NDArray[np.bool_],
    scores: NDArray[np.float64],
) -> tuple[float, float]:
    """95 % of a measure, by bootstrap within each side."""
    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(sides), np.flatnonzero(~sides)]
    found = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([rng.choice(group, len(group)) for group in groups])
        found.append(measure(sides[chosen], scores[chosen]))
    low, high = np.quantile(found, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)
