"""Measures against values worked out by hand, and statistics against what is known of them."""

from __future__ import annotations

import math
import random

import pytest

from ragkit.evaluate.measures import MEASURES, ranking_measures
from ragkit.evaluate.significance import interval, paired


def test_measures_of_a_ranking_are_those_of_trec_eval() -> None:
    qrels = {"q": {"a": 1, "b": 1, "c": 0}, "silent": {"a": 1}}
    found = ranking_measures(qrels, {"q": ["x", "a", "c", "b"]})
    ideal = 1 + 1 / math.log2(3)
    assert found["nDCG@10"]["q"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert found["recall@10"]["q"] == 1
    assert found["MRR@10"]["q"] == 0.5
    assert found["map"]["q"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert {found[name]["silent"] for name in MEASURES} == {0.0}


def test_measures_stop_at_their_depth() -> None:
    documents = [f"d{number}" for number in range(20)]
    found = ranking_measures({"q": {"d10": 1}}, {"q": documents})
    assert {name: found[name]["q"] for name in MEASURES} == {
        "nDCG@10": 0, "recall@10": 0, "recall@100": 1, "MRR@10": 0, "map": pytest.approx(1 / 11),
    }  # fmt: skip


def test_documents_with_ids_in_any_order_keep_their_rank() -> None:
    assert ranking_measures({"q": {"a": 1}}, {"q": ["a", "z"]})["MRR@10"]["q"] == 1
    assert ranking_measures({"q": {"z": 1}}, {"q": ["z", "a"]})["MRR@10"]["q"] == 1


def test_an_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    draw = random.Random(1)
    values = [draw.random() for _ in range(400)]
    low, high = interval(values)
    assert low < sum(values) / 400 < high
    assert high - low < interval(values[:50])[1] - interval(values[:50])[0]
    assert interval(values) == (low, high)
    assert interval([0.5]) == (0.5, 0.5)


def test_a_real_difference_is_told_from_chance() -> None:
    draw = random.Random(2)
    before = [draw.random() for _ in range(200)]
    better = paired(before, [value + draw.choice((0.1, 0.0, -0.02)) for value in before])
    assert better.low > 0
    assert better.p < 0.01
    chance = paired(before, [value + draw.choice((0.1, -0.1)) for value in before])
    assert chance.low < 0 < chance.high
    assert chance.p > 0.05


def test_equal_runs_do_not_differ() -> None:
    same = paired([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    assert (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)
