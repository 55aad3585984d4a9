"""From which probability on a collection must be answered for a wanted share of right answers.

Chosen and judged on different questions, as an offset is (`ragkit.evaluate.tuning`). A threshold that is chosen by some
questions does a little worse on others: where it falls short of what is wanted there, more is aimed at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.errors import InputError

__all__ = ["FEWEST", "FEWEST_GIVEN", "Measured", "Outcome", "Threshold", "threshold_for"]

FOLDS = 5
FEWEST = 30
"""Questions without which nothing can be told,"""
FEWEST_GIVEN = 10
"""and answers that must be left of them."""
STEP = 0.01
_Z = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a question when it was answered from whatever was found."""

    probability: float | None
    """That what was found holds an answer; none where it is refused at any threshold."""
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The answers that a threshold leaves."""

    given: int
    precision: float | None
    """The share of them that is right; none where there are none."""
    interval: tuple[float, float] | None
    """95 % (Wilson 1927)."""
    answered: float
    """The share of the questions that is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What was chosen, and what can be expected of it."""

    collection: str
    questions: int
    wanted: float
    least: float | None
    """The probability from which on to answer; none where no threshold gives what is wanted."""
    kept: bool
    """Whether it is in use now."""
    held_out: Measured
    """On questions that it was not chosen by; where nothing is kept, of the best threshold."""
    before: Measured
    """With what was in use."""


def threshold_for(collection: str, outcomes: Sequence[Outcome], *, wanted: float, now: float) -> Threshold:
    """Choose a threshold.

    Args:
        collection: Which one is tuned.
        outcomes: One a question.
        wanted: The share of right answers among those that are given, above 0 and below 1.
        now: The threshold in use.

    Raises:
        InputError: There are too few questions.
    """
    if len(outcomes) < FEWEST:
        raise InputError(
            f"{len(outcomes)} questions are too few to choose a threshold by.",
            hint=f"It takes {FEWEST}, of which some must be refused; three hundred tell a share to ± .05.",
        )
    before = _measured([(one, _given(one, now)) for one in outcomes])
    best: Measured | None = None
    for step in range(round((1 - wanted) / STEP) + 1):
        aim = min(1.0, wanted + STEP * step)
        held_out = _held_out(outcomes, aim)
        if held_out.given < FEWEST_GIVEN:
            break
        best = held_out if best is None or (held_out.precision or 0) > (best.precision or 0) else best
        least = _least(outcomes, aim)
        if least is not None and (held_out.precision or 0) >= wanted:
            return Threshold(
                collection=collection, questions=len(outcomes), wanted=wanted, least=least, kept=True,
                held_out=held_out, before=before,
            )  # fmt: skip
    return Threshold(
        collection=collection, questions=len(outcomes), wanted=wanted, least=None, kept=False,
        held_out=best or _held_out(outcomes, wanted), before=before,
    )  # fmt: skip


def _held_out(outcomes: Sequence[Outcome], aim: float) -> Measured:
    decided = []
    for fold in range(FOLDS):
        least = _least([one for row, one in enumerate(outcomes) if row % FOLDS != fold], aim)
        decided += [(one, least is not None and _given(one, least)) for one in outcomes[fold::FOLDS]]
    return _measured(decided)


def _least(outcomes: Sequence[Outcome], aim: float) -> float | None:
    """The lowest threshold at which so many of the answers are right, half way to the next question below."""
    ranked = sorted((one.probability, one.right) for one in outcomes if one.probability is not None)[::-1]
    chosen, right = None, 0
    for place, (probability, is_right) in enumerate(ranked, start=1):
        right += is_right
        below = ranked[place][0] if place < len(ranked) else 0.0
        # Of equals all are answered, or none.
        if below < probability and right / place >= aim:
            chosen = round((probability + below) / 2, 5)  # probabilities have four digits
    return chosen


def _given(outcome: Outcome, least: float) -> bool:
    return outcome.probability is not None and outcome.probability >= least


def _measured(decided: Sequence[tuple[Outcome, bool]]) -> Measured:
    given = [one.right for one, is_given in decided if is_given]
    return Measured(
        given=len(given),
        precision=round(sum(given) / len(given), 4) if given else None,
        interval=_wilson(sum(given), len(given)) if given else None,
        answered=round(len(given) / len(decided), 4),
    )


def _wilson(right: int, given: int) -> tuple[float, float]:
    share, z2 = right / given, _Z * _Z
    middle = (share + z2 / (2 * given)) / (1 + z2 / given)
    reach = _Z * math.sqrt(share * (1 - share) / given + z2 / (4 * given * given)) / (1 + z2 / given)
    return round(middle - reach, 4), round(middle + reach, 4)
