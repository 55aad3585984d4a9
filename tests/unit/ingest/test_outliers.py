"""A document about something else lies far from its collection; those of one kind do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragkit.ingest.outliers import Spread, outlier, spread

if TYPE_CHECKING:
    from ragkit.protocols import Matrix


def around(direction: int, count: int, seed: int) -> Matrix:
    """Vectors that scatter about one axis of 32."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (count, 32)).astype(np.float32)
    noise[:, direction] += 1
    return noise


@pytest.fixture
def collection() -> Spread:
    return spread(np.concatenate([around(0, 200, seed=1), around(1, 2, seed=2)]))


def test_what_a_collection_is_about_scores_low(collection: Spread) -> None:
    scores = [outlier(around(0, 5, seed), collection) for seed in range(10, 60)]
    assert max(scores) < 3.5


def test_what_is_about_something_else_scores_high(collection: Spread) -> None:
    assert outlier(around(5, 5, seed=3), collection) > 10


def test_an_outlier_in_the_collection_does_not_hide_itself(collection: Spread) -> None:
    assert outlier(around(1, 5, seed=4), collection) > 10


@pytest.mark.parametrize("means", [around(0, 3, seed=1), np.ones((40, 32), np.float32), np.zeros((40, 32), np.float32)])
def test_too_few_documents_or_all_alike_make_no_outlier(means: Matrix) -> None:
    assert outlier(around(5, 2, seed=3), spread(means)) == 0.0
