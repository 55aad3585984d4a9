from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ragkit.retrieve.fusion import convex

rankings = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.floats(-1, 50)), unique_by=lambda pair: pair[0], max_size=8
).map(lambda pairs: sorted(pairs, key=lambda pair: -pair[1]))


def test_what_both_lists_find_comes_before_what_one_finds() -> None:
    merged = convex([("a", 0.6), ("b", 0.6)], [("b", 12.0), ("c", 12.0)], weight=0.5)
    assert [key for key, _ in merged] == ["b", "c", "a"]


def test_the_score_is_the_weighted_sum() -> None:
    scores = dict(convex([("a", 0.8)], [("a", 5.0), ("b", 10.0)], weight=0.4))
    assert math.isclose(scores["a"], 0.4 * 0.8 + 0.6 * 0.5)
    assert math.isclose(scores["b"], 0.6)


@given(rankings, rankings, st.floats(0, 1))
def test_every_id_is_kept_once_with_a_score_in_range_and_in_order(dense, keyword, weight) -> None:  # type: ignore[no-untyped-def]
    merged = convex([(key, min(score, 1.0)) for key, score in dense], keyword, weight=weight)
    scores = [score for _, score in merged]
    assert {key for key, _ in merged} == {key for key, _ in dense} | {key for key, _ in keyword}
    assert len(merged) == len({key for key, _ in merged})
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 + 1e-9 for score in scores)


@given(rankings, rankings)
def test_the_order_of_equal_scores_in_the_lists_does_not_matter(dense, keyword) -> None:  # type: ignore[no-untyped-def]
    assert convex(dense, keyword, weight=0.5) == convex(dense[::-1], keyword[::-1], weight=0.5)
