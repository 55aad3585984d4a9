"""What a mean over questions is worth: bootstrap intervals and paired tests, from a fixed seed.

Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; randomisation as recommended for retrieval by Smucker,
Allan and Carterette, "A comparison of statistical significance tests for information retrieval evaluation", CIKM 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.errors import MissingExtra

__all__ = ["Difference", "interval", "paired"]

RESAMPLES = 2_000
SEED = 1
_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The mean of paired differences, with its 95 % interval."""

    mean: float
    low: float
    high: float
    p: float
    """How often a difference as large comes about when the two sides of each pair are swapped at random."""


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean."""
    import numpy as np

    stats = _stats()
    if len(values) < 2:
        return (float(values[0]), float(values[0])) if len(values) else (0.0, 0.0)
    found = stats.bootstrap(
        (np.asarray(values),),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return round(float(found.low), 4), round(float(found.high), 4)


def paired(before: Sequence[float], after: Sequence[float]) -> Difference:
    """Of the same questions in the same order, `after` less `before`."""
    import numpy as np

    stats = _stats()
    differences = np.asarray(after, float) - np.asarray(before, float)
    mean = float(differences.mean()) if len(differences) else 0.0
    if len(differences) < 2 or not differences.any():
        return Difference(mean=round(mean, 4), low=round(mean, 4), high=round(mean, 4), p=1.0)
    low, high = interval(differences.tolist())
    # Pairs that are equal stay equal when they are swapped.
    unequal = differences[differences != 0]
    if len(unequal) < 2:
        return Difference(mean=round(mean, 4), low=low, high=high, p=1.0)
    test = stats.permutation_test(
        (unequal,),
        np.sum,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(SEED),
    )
    return Difference(mean=round(mean, 4), low=low, high=high, p=round(float(test.pvalue), 4))


def _stats() -> Any:
    try:
        from scipy import stats
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"To evaluate, the package {error.name!r} is needed.", hint="pip install 'ragkit[evaluate]'"
        ) from error
    return stats
