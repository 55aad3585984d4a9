from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ragkit.retrieve.fusion import (
    BACKGROUND,
    above_background,
    convex,
    cosines,
    less_chance,
    reciprocal_rank,
    standardised,
    theoretical,
)

Ranking = list[tuple[str, float]]

rankings = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.floats(-1, 50)), unique_by=lambda pair: pair[0], max_size=8
).map(lambda pairs: sorted(pairs, key=lambda pair: -pair[1]))


def long(last: float) -> Ranking:
    """A list that falls evenly from 10 to `last` at the background's rank, and one entry below it."""
    step = (10 - last) / (BACKGROUND - 1)
    return [(f"k{rank}", 10 - step * rank) for rank in range(BACKGROUND)] + [("below", last / 2)]


def test_the_score_is_the_weighted_sum_and_a_lacking_id_counts_as_zero() -> None:
    scores = dict(convex({"a": 0.8}, {"a": 0.5, "b": 1.0}, weight=0.4))
    assert math.isclose(scores["a"], 0.4 * 0.8 + 0.6 * 0.5)
    assert math.isclose(scores["b"], 0.6)


def test_keyword_scores_count_from_the_background_up() -> None:
    found = above_background(long(4.0))
    assert math.isclose(found["k0"], 0.6)
    assert found[f"k{BACKGROUND - 1}"] == found["below"] == 0


def test_a_keyword_list_that_hardly_falls_says_little() -> None:
    assert above_background(long(9.5))["k0"] < above_background(long(2.0))["k0"] / 10


def test_in_a_short_keyword_list_every_score_counts() -> None:
    assert above_background([("a", 4.0), ("b", 1.0)]) == {"a": 1.0, "b": 0.25}


def test_the_theoretical_least_is_zero_and_the_best_found_is_one() -> None:
    assert theoretical([("a", 0.5), ("b", -1.0)], least=-1) == {"a": 1.0, "b": 0.0}


def test_the_mean_of_a_distribution_is_one_half() -> None:
    assert math.isclose(standardised([("a", 3.0), ("b", 2.0), ("c", 1.0)])["b"], 0.5)


def test_reciprocal_ranks_add_up_whatever_the_scores() -> None:
    merged = reciprocal_rank([("a", 0.9), ("b", 0.1)], [("b", 30.0), ("c", 1.0)])
    assert [key for key, _ in merged] == ["b", "a", "c"]
    assert math.isclose(dict(merged)["b"], 1 / 62 + 1 / 61)


def test_of_two_equal_scores_that_of_the_shorter_document_is_better() -> None:
    merged = less_chance([("a", 0.5), ("b", 0.5), ("c", 0.9)], {"a": 4, "b": 1, "c": 4})
    assert [key for key, _ in merged] == ["c", "b", "a"]
    assert dict(merged)["b"] == 0.5


def test_from_some_length_on_a_document_is_as_long_as_any() -> None:
    merged = dict(less_chance([("a", 0.5), ("b", 0.5)], {"a": 8, "b": 2000}))
    assert merged["a"] == merged["b"] > 0.4


@given(rankings, rankings, st.floats(0, 1))
def test_every_id_is_kept_once_with_a_score_in_range_and_in_order(
    dense: Ranking, keyword: Ranking, weight: float
) -> None:
    dense = [(key, min(score, 1.0)) for key, score in dense]
    merged = convex(cosines(dense), above_background(keyword), weight=weight)
    scores = [score for _, score in merged]
    assert {key for key, _ in merged} == {key for key, _ in dense} | {key for key, _ in keyword}
    assert len(merged) == len({key for key, _ in merged})
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 + 1e-9 for score in scores)


@given(rankings)
def test_no_normalisation_leaves_its_range_or_changes_the_order(ranking: Ranking) -> None:
    for scores in (above_background(ranking), theoretical(ranking, least=-1), standardised(ranking)):
        values = [scores[key] for key, _ in ranking]
        assert values == sorted(values, reverse=True)
        assert all(-1e-9 <= value <= 1 + 1e-9 for value in values)
