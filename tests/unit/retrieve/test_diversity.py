"""Which passages are picked when they are to differ."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.retrieve.diversity import diversified
from ragkit.types import Hit

TWINS_AND_ANOTHER = {"a": (1.0, 0.0), "b": (1.0, 0.0), "c": (0.6, 0.8)}


def hits(**scores: float) -> list[Hit]:
    return [
        Hit(
            rank=0,
            score=score,
            via=("dense",),
            document_id="d",
            uri="u",
            title="",
            page=None,
            heading="",
            chunk_id=key,
            start=0,
            end=1,
            text="x",
        )
        for key, score in scores.items()
    ]


def picked(balance: float, k: int = 3, **scores: float) -> str:
    vectors = {key: np.array(TWINS_AND_ANOTHER[key], np.float32) for key in scores if key in TWINS_AND_ANOTHER}
    return "".join(hit.chunk_id for hit in diversified(hits(**scores), vectors, balance=balance, k=k))


@pytest.mark.parametrize(
    ("balance", "order"),
    [
        (1.0, "abc"),  # relevance alone
        # a: 1, then b: .5 * .9 - .5 * 1 = -.05, and c: .5 * 0 - .5 * .6 = -.3
        (0.5, "abc"),
        # b: .2 * .9 - .8 * 1 = -.62, and c: 0 - .8 * .6 = -.48
        (0.2, "acb"),
        (0.0, "acb"),
    ],
)
def test_the_formula(balance: float, order: str) -> None:
    assert picked(balance, a=0.9, b=0.8, c=-0.1) == order


def test_no_more_than_k_are_picked_with_the_scores_that_they_had() -> None:
    vectors = {key: np.array(row, np.float32) for key, row in TWINS_AND_ANOTHER.items()}
    found = diversified(hits(a=0.9, b=0.8, c=0.1), vectors, balance=0.2, k=2)
    assert [(hit.chunk_id, hit.score) for hit in found] == [("a", 0.9), ("c", 0.1)]


def test_what_was_put_before_a_better_score_stays_before_it() -> None:
    assert picked(1.0, b=0.7, a=0.8, c=0.1) == "bac"


def test_a_hit_without_a_vector_is_like_no_other() -> None:
    assert picked(0.5, a=0.5, b=0.5, x=0.5) == "axb"


def test_of_nothing_nothing_is_picked() -> None:
    assert diversified([], {}, balance=0.5, k=3) == []
