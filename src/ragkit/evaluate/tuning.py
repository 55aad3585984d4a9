"""Which offset of the dense weight suits a collection, by questions with known answers.

Chosen and judged on different questions: each fifth is searched with what the other four fifths would have chosen
(Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", JRSS B 36(2), 1974).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragkit.errors import InputError
from ragkit.evaluate.significance import Difference, paired

__all__ = ["FEWEST", "OFFSETS", "Tuning", "tune"]

OFFSETS = (0.0, -0.5, 0.5, -1.0, 1.0, -1.5, 1.5, -2.0, 2.0, -3.0, 3.0)
"""Of the logit of the dense weight; of equals the first wins."""
FOLDS = 5
FEWEST = 20
"""Questions without which nothing can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What was tried, and what came of it."""

    collection: str
    questions: int
    synthetic: bool
    """Whether they were made out of the collection's own headings and sentences."""
    offset: float
    """The best one over all questions: above 0 vectors count more than the default says, below 0 keywords do."""
    kept: bool
    """Whether it has come into use: only where it was no worse than `in_use` on questions that it was not chosen by."""
    in_use: float
    """The offset before."""
    default: float
    """Mean nDCG@10 without an offset."""
    held_out: float
    """The same with offsets that were chosen by other questions."""
    gain: Difference
    """`held_out` less what `in_use` reaches, question by question."""
    tried: Mapping[str, float]
    """Mean nDCG@10 by offset."""


def tune(
    collection: str, values: Mapping[float, Sequence[float]], *, synthetic: bool = False, in_use: float = 0.0
) -> Tuning:
    """Choose an offset.

    Args:
        collection: Which one is tuned.
        values: nDCG@10 of each question, in the same order, by offset; it has those of 0 and of `in_use`.
        synthetic: Whether the questions were made up.
        in_use: The offset of an earlier time.

    Raises:
        InputError: There are too few questions.
    """
    questions = len(values[0.0])
    if questions < FEWEST:
        raise InputError(
            f"{questions} questions are too few to tune by.",
            hint=f"It takes {FEWEST}; an untuned collection is weighed by what each question tells.",
        )
    held_out = [0.0] * questions
    for fold in range(FOLDS):
        chosen = _best(values, [row for row in range(questions) if row % FOLDS != fold])
        for row in range(fold, questions, FOLDS):
            held_out[row] = values[chosen][row]
    best = _best(values, range(questions))
    gain = paired(values[in_use], held_out)
    return Tuning(
        collection=collection,
        questions=questions,
        synthetic=synthetic,
        offset=best,
        kept=best != in_use and gain.mean > 0 and gain.low >= 0,
        in_use=in_use,
        default=_mean(values[0.0]),
        held_out=_mean(held_out),
        gain=gain,
        tried={f"{offset:+.1f}": _mean(values[offset]) for offset in sorted(values)},
    )


def _best(values: Mapping[float, Sequence[float]], rows: Sequence[int]) -> float:
    means = {offset: sum(each[row] for row in rows) for offset, each in values.items()}
    return max(means, key=means.__getitem__)


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)
