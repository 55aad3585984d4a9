"""Neighbours by signs first: what is scanned exactly is exact, and little is missed of the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.index.exact import cosines, top
from ragkit.index.sign_scan import SignScan

Matrix = NDArray[np.float32]

WIDTH = 200
"""No multiple of a word of signs."""


def rows(count: int, *, seed: int = 0, lean: float = 0.0) -> Matrix:
    made = np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32) + np.float32(lean)
    unit: Matrix = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


def texts(count: int, *, lean: float) -> Matrix:
    """Rows around some centres, as texts lie around topics."""
    rng = np.random.default_rng(7)
    centres = rows(count // 20, seed=8, lean=lean)
    made = centres[rng.integers(len(centres), size=count)] + 0.5 * rows(count, seed=9)
    unit: Matrix = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


@given(count=st.integers(0, 60), k=st.integers(-1, 70), kept=st.none() | st.sets(st.integers(0, 59)))
def test_few_rows_are_compared_exactly(count: int, k: int, kept: set[int] | None) -> None:
    matrix, vector = rows(count), rows(1, seed=99)[0]
    chosen = None if kept is None else np.array(sorted(row for row in kept if row < count), np.intp)
    found, scores = SignScan.over(matrix).search(vector, k=k, rows=chosen)
    exact = cosines(matrix, vector, chosen)
    best = top(exact, k)
    assert found.tolist() == (best if chosen is None else chosen[best]).tolist()
    assert scores.tolist() == exact[best].tolist()


@pytest.mark.parametrize("lean", [0.0, 0.7], ids=["around zero", "leaning to one side"])
@pytest.mark.parametrize("share", [1, 3])
def test_of_many_rows_the_nearest_are_found(lean: float, share: int) -> None:
    matrix = texts(20_000, lean=lean)
    scan = SignScan.over(matrix)
    chosen = None if share == 1 else np.arange(0, len(matrix), share)
    missed = 0
    for number in range(0, 20_000, 1_000):
        vector = matrix[number] + 0.1 * rows(1, seed=number)[0]
        exact = np.sort(matrix[::share] @ vector)[-10:]
        found, scores = scan.search(vector, k=10, rows=chosen)
        assert set(found % share) == {0}
        missed += int(np.count_nonzero(scores < exact[0] - 1e-6))
    assert missed <= 2  # of 200


def test_rows_that_are_added_are_found_and_the_older_scan_does_not_see_them() -> None:
    matrix, vector = rows(9_000), rows(1, seed=5)[0]
    scans = [SignScan.over(matrix)]
    for _ in range(3):
        scans.append(scans[-1].extended(vector[np.newaxis]))
    assert [len(scan.matrix) for scan in scans] == [9_000, 9_001, 9_002, 9_003]
    nearest = [scan.search(vector, k=3) for scan in scans]
    assert [int(np.count_nonzero(scores > 0.99)) for _, scores in nearest] == [0, 1, 2, 3]
    assert nearest[3][0].tolist() == [9_000, 9_001, 9_002]


def test_two_scans_that_are_made_of_one_do_not_disturb_each_other() -> None:
    begun = SignScan.over(rows(10)).extended(rows(1, seed=1))
    one, other = begun.extended(rows(1, seed=2)), begun.extended(rows(1, seed=3))
    assert np.array_equal(one.matrix[-1], rows(1, seed=2)[0])
    assert np.array_equal(other.matrix[-1], rows(1, seed=3)[0])
    assert np.array_equal(one.matrix[:-1], other.matrix[:-1])


def test_nothing_is_found_among_no_rows() -> None:
    found, scores = SignScan.over(rows(0)).search(rows(1)[0], k=3)
    assert (len(found), len(scores)) == (0, 0)
