from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import InputError
from ragkit.evaluate.groundedness import (
    LengthControl,
    area,
    calibration_error,
    interval_of,
    read_labelled,
    shipped,
    summarise,
)

SIDES = np.array([True, True, True, False, False])


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    assert area(SIDES, np.array([0.9, 0.8, 0.3, 0.4, 0.1])) == pytest.approx(5 / 6)
    assert area(SIDES, np.full(5, 0.5)) == 0.5


def test_a_probability_that_holds_has_no_calibration_error() -> None:
    sides = np.array([True] * 9 + [False])
    assert calibration_error(sides, np.full(10, 0.9)) == pytest.approx(0.0)
    assert calibration_error(sides, np.full(10, 0.4)) == pytest.approx(0.5)


def test_an_interval_holds_its_measure() -> None:
    scores = np.array([0.9, 0.8, 0.3, 0.4, 0.1])
    low, high = interval_of(area, SIDES, scores)
    assert 0 <= low <= area(SIDES, scores) <= high <= 1


def test_partial_statements_are_in_the_confusion_only() -> None:
    found = summarise(
        "mine",
        [
            ("One two three.", "supported"),
            ("One two.", "supported"),
            ("One two.", "unsupported"),
            ("One two three four five.", "unsupported"),
            ("One.", "partial"),
        ],
        ["supported", "partly", "unsupported", "contradicted", "supported"],
        [0.9, 0.6, 0.1, 0.2, 0.0],
    )
    assert found.auroc == 1.0
    assert found.statements == {"supported": 2, "partial": 1, "unsupported": 2}
    assert found.confusion["partial"] == {"supported": 1, "partly": 0, "unsupported": 0, "contradicted": 0}
    assert found.confusion["unsupported"]["contradicted"] == 1
    assert found.length == LengthControl(alone=0.375, matched=1.0, matched_pairs=1)


def test_the_confusion_of_the_built_in_check_is_shipped() -> None:
    made = {one.dataset: one for one in shipped()}
    assert made.keys() == {"scifact_validation", "wice_dev"}
    for one in made.values():
        assert {label: sum(row.values()) for label, row in one.confusion.items()} == one.statements


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"context": "a", "statement": "b", "label": "true"}], "Line 1 .* is not a labelled statement: label"),
        ([{"context": "a", "label": "supported"}], "statement"),
        (
            [{"context": "a", "statement": "b", "label": "supported"}] * 3,
            "fewer than 2 statements that are unsupported",
        ),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, rows: list[dict[str, str]], message: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_labelled(file)
