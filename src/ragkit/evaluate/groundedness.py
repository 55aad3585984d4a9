"""The check of citations measured by statements of which somebody has said whether their context supports them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from ragkit.errors import InputError
from ragkit.evaluate.dataset import json_lines
from ragkit.text import words
from ragkit.types import Verdict

__all__ = [
    "Groundedness",
    "Label",
    "Labelled",
    "LengthControl",
    "area",
    "calibration_error",
    "interval_of",
    "read_labelled",
    "shipped",
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
class LengthControl:
    """How much of the AUROC is owed to length: long statements are wrong more often, and meet more words."""

    alone: float
    """AUROC of the number of words alone."""
    matched: float | None
    """AUROC of the probability where each statement has a partner of the other side with as many words, or one more
    or less; none where there are no such pairs."""
    matched_pairs: int


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
    length: LengthControl
    took_s: float = 0.0
    checked_by: Mapping[str, int] = field(default_factory=dict)
    """How many verdicts are whose."""


def shipped() -> tuple[Groundedness, ...]:
    """What the built-in check was measured at, on labelled sets that it was not fitted on."""
    text = files("ragkit.evaluate").joinpath("groundedness.json").read_text("utf-8")
    return TypeAdapter(tuple[Groundedness, ...]).validate_json(text)


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
    examples: Sequence[tuple[str, Label]],
    verdicts: Sequence[Verdict],
    scores: Sequence[float],
    *,
    checked_by: Sequence[str] = (),
    took_s: float = 0.0,
) -> Groundedness:
    """The measures of checked statements, each given with its label."""
    labels = [label for _, label in examples]
    told = [row for row, label in enumerate(labels) if label != "partial"]
    sides = np.array([labels[row] == "supported" for row in told])
    values = np.array([scores[row] for row in told])
    lengths = np.array([float(len(words(examples[row][0]))) for row in told])
    pairs = list(zip(labels, verdicts, strict=True))
    kinds = [label for label in LABELS if label in labels]
    return Groundedness(
        dataset=dataset,
        statements={label: labels.count(label) for label in kinds},
        auroc=round(area(sides, values), 4),
        auroc_interval=interval_of(area, sides, values),
        ece=round(calibration_error(sides, values), 4),
        ece_interval=interval_of(calibration_error, sides, values),
        confusion={label: {verdict: pairs.count((label, verdict)) for verdict in VERDICTS} for label in kinds},
        length=_length_control(sides, values, lengths),
        took_s=took_s,
        checked_by=dict(Counter(checked_by)),
    )


def _length_control(
    sides: NDArray[np.bool_], scores: NDArray[np.float64], lengths: NDArray[np.float64]
) -> LengthControl:
    rng = np.random.default_rng(0)
    left = list(np.flatnonzero(sides))
    rows: list[int] = []
    for wrong in rng.permutation(np.flatnonzero(~sides)):
        partners = [right for right in left if abs(lengths[right] - lengths[wrong]) <= 1]
        if partners:
            right = rng.choice(partners)
            left.remove(right)
            rows += [right, wrong]
    return LengthControl(
        alone=round(area(sides, lengths), 4),
        matched=round(area(sides[rows], scores[rows]), 4) if rows else None,
        matched_pairs=len(rows) // 2,
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
