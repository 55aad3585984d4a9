"""Choosing an offset by some questions and judging it by others."""

from __future__ import annotations

import random

import pytest

from ragkit.errors import InputError
from ragkit.evaluate.tuning import FEWEST, OFFSETS, tune


def values(**better: float) -> dict[float, list[float]]:
    """nDCG of 60 questions: the same at every offset, but for those named."""
    rng = random.Random(1)
    base = [rng.uniform(0.3, 0.6) for _ in range(60)]
    return {
        offset: [one + better.get(f"at_{offset:g}".replace("-", "m").replace(".", "_"), 0.0) for one in base]
        for offset in OFFSETS
    }


def test_an_offset_that_helps_every_question_is_kept() -> None:
    found = tune("house", values(at_1=0.1))
    assert (found.offset, found.kept) == (1.0, True)
    assert found.held_out == pytest.approx(found.default + 0.1, abs=1e-3)


def test_where_nothing_is_better_the_default_stays() -> None:
    found = tune("house", values())
    assert (found.offset, found.kept, found.gain.mean) == (0.0, False, 0.0)


def test_an_offset_that_helps_no_more_goes_back() -> None:
    found = tune("house", values(at_1=-0.1), in_use=1.0)
    assert (found.offset, found.kept, found.in_use) == (0.0, True, 1.0)
    assert found.gain.mean == pytest.approx(0.1, abs=1e-3)


def test_chance_on_few_questions_is_not_kept() -> None:
    rng = random.Random(2)
    found = tune("house", {offset: [rng.uniform(0, 1) for _ in range(30)] for offset in OFFSETS})
    assert found.tried[f"{found.offset:+.1f}"] > found.default
    assert not found.kept


def test_too_few_questions_tell_nothing() -> None:
    with pytest.raises(InputError, match="too few"):
        tune("house", {offset: [0.5] * (FEWEST - 1) for offset in OFFSETS})
