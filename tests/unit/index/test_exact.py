from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.index.exact import ExactScan


def rows(count: int, *, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    made = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@given(
    count=st.integers(0, 60),
    k=st.integers(-1, 70),
    seed=st.integers(0, 5),
)
def test_it_finds_what_sorting_all_cosines_finds(count: int, k: int, seed: int) -> None:
    matrix = rows(count, seed=seed)
    vector = rows(1, seed=99)[0]
    ids = [f"c{number}" for number in range(count)]
    scores = matrix @ vector
    order = np.argsort(-scores, kind="stable")

    found = ExactScan(ids, matrix).search(vector, k=k)

    assert [key for key, _ in found] == [ids[row] for row in order[: max(k, 0)]]
    assert np.allclose([score for _, score in found], [scores[row] for row in order[: max(k, 0)]])


def test_equal_vectors_come_in_the_order_of_the_rows() -> None:
    matrix = np.repeat(rows(1), 40, axis=0)
    scan = ExactScan([f"c{number}" for number in range(40)], matrix)

    assert [key for key, _ in scan.search(matrix[0], k=5)] == ["c0", "c1", "c2", "c3", "c4"]


def test_more_rows_than_a_block_are_scanned() -> None:
    matrix = rows(40_000)
    scan = ExactScan([str(number) for number in range(40_000)], matrix)

    assert scan.search(matrix[39_999], k=1)[0][0] == "39999"


def test_each_row_needs_an_id() -> None:
    with pytest.raises(ValueError, match="2 ids for 3 vectors"):
        ExactScan(["a", "b"], rows(3))
