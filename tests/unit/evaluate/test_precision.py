"""Choosing a threshold for a wanted precision by some questions, and judging it by others."""

from __future__ import annotations

import random

import pytest

from ragkit.errors import InputError
from ragkit.evaluate.precision import FEWEST, Outcome, threshold_for


def outcomes(count: int = 200, *, telling: float = 1.0, seed: int = 1) -> list[Outcome]:
    """Answers that are right the oftener, the more probable they are; `telling` 0 by chance."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        probability = rng.random()
        found.append(Outcome(probability=probability, right=rng.random() < 0.5 + telling * (probability - 0.5)))
    return found


def test_more_precision_answers_less() -> None:
    some, more = (threshold_for("house", outcomes(), wanted=wanted, now=0.31) for wanted in (0.7, 0.85))
    assert some.kept
    assert more.kept
    assert some.least is not None
    assert more.least is not None
    assert some.least < more.least
    assert some.held_out.answered > more.held_out.answered
    for found in (some, more):
        assert found.held_out.precision is not None
        assert found.held_out.interval is not None
        assert found.held_out.precision >= found.wanted
        assert found.held_out.interval[0] < found.held_out.precision < found.held_out.interval[1]


def test_where_probabilities_tell_nothing_nothing_is_kept() -> None:
    found = threshold_for("house", outcomes(telling=0.0), wanted=0.9, now=0.31)
    assert (found.kept, found.least) == (False, None)
    assert found.held_out.precision is None or found.held_out.precision < 0.9


def test_a_few_lucky_answers_are_no_precision() -> None:
    lucky = [Outcome(probability=0.99, right=True)] * 4
    rest = [Outcome(probability=0.1 + row / 100, right=False) for row in range(40)]
    assert not threshold_for("house", [*lucky, *rest], wanted=0.8, now=0.31).kept


def test_what_is_refused_at_any_threshold_counts_as_not_answered() -> None:
    never = [Outcome(probability=None, right=False)] * 50
    found = threshold_for("house", [*outcomes(50), *never], wanted=0.5, now=0.0)
    assert found.before.given == 50
    assert found.before.answered == 0.5


def test_all_are_answered_where_all_are_right_often_enough() -> None:
    found = threshold_for(
        "house", [Outcome(probability=0.2 + row / 100, right=True) for row in range(60)], wanted=0.9, now=0.31
    )
    assert found.kept
    assert found.least is not None
    assert found.least <= 0.2
    assert found.held_out.precision == 1.0
    assert found.before.answered < found.held_out.answered


def test_of_equals_all_are_answered_or_none() -> None:
    equals = [Outcome(probability=0.7, right=row % 2 == 0) for row in range(40)]
    assert not threshold_for("house", equals, wanted=0.9, now=0.31).kept


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(InputError, match="too few to choose a threshold by"):
        threshold_for("house", outcomes(FEWEST - 1), wanted=0.9, now=0.31)
