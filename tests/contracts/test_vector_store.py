"""What every vector store does: the one over Chroma, and the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragkit.index.vectors import ChromaConnection, ChromaVectors, connect
from ragkit.protocols import VectorStore
from ragkit.testing import MemoryVectors

if TYPE_CHECKING:
    from ragkit.protocols import Matrix

DIMENSION = 16


def unit_rows(count: int, *, seed: int = 0) -> Matrix:
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaConnection]:
    connection = connect(tmp_path_factory.mktemp("home"))
    yield connection
    connection.close()


@pytest.fixture(params=["chroma", "memory"])
def store(request: pytest.FixtureRequest, connection: ChromaConnection) -> Iterator[VectorStore]:
    if request.param == "memory":
        yield MemoryVectors()
        return
    vectors = ChromaVectors(connection, "contract", DIMENSION, lambda: iter(()))
    yield vectors
    vectors.drop()


def test_nothing_is_found_in_an_empty_store(store: VectorStore) -> None:
    assert store.search(unit_rows(1)[0], k=5) == []


def test_the_nearest_come_first_with_their_cosines(store: VectorStore) -> None:
    rows = unit_rows(50)
    ids = [f"chk_{number}" for number in range(50)]
    store.upsert(ids, rows)

    found = store.search(rows[7], k=10)

    cosines = rows @ rows[7]
    assert [key for key, _ in found] == [ids[row] for row in np.argsort(-cosines)[:10]]
    assert np.allclose([score for _, score in found], np.sort(cosines)[::-1][:10], atol=1e-4)


def test_a_written_vector_is_found_at_once(store: VectorStore) -> None:
    rows = unit_rows(3)
    for number, row in enumerate(rows):
        store.upsert([f"chk_{number}"], row[np.newaxis])
        assert store.search(row, k=1)[0][0] == f"chk_{number}"


def test_an_id_written_again_has_its_new_vector_only(store: VectorStore) -> None:
    old, new = unit_rows(2)
    store.upsert(["a"], old[np.newaxis])
    store.upsert(["a"], new[np.newaxis])

    assert store.search(new, k=5) == [("a", pytest.approx(1.0, abs=1e-4))]


def test_of_an_id_given_twice_the_last_vector_counts(store: VectorStore) -> None:
    rows = unit_rows(2)
    store.upsert(["a", "a"], rows)

    assert store.search(rows[1], k=5) == [("a", pytest.approx(1.0, abs=1e-4))]


def test_a_deleted_id_is_not_found_and_an_unknown_one_does_no_harm(store: VectorStore) -> None:
    rows = unit_rows(3)
    store.upsert(["a", "b", "c"], rows)
    store.delete(["b", "never seen"])

    assert {key for key, _ in store.search(rows[1], k=5)} == {"a", "c"}


def test_asking_for_more_than_there_is_gives_all_of_it(store: VectorStore) -> None:
    rows = unit_rows(3)
    store.upsert(["a", "b", "c"], rows)

    assert len(store.search(rows[0], k=1000)) == 3
    assert store.search(rows[0], k=0) == []


def test_writing_and_deleting_nothing_is_allowed(store: VectorStore) -> None:
    store.upsert([], unit_rows(0))
    store.delete([])


def test_more_than_fits_into_one_request_is_written_and_deleted(store: VectorStore) -> None:
    rows = unit_rows(7000)
    ids = [f"chk_{number}" for number in range(7000)]
    store.upsert(ids, rows)
    assert store.search(rows[6999], k=1)[0][0] == "chk_6999"

    store.delete(ids[1:])
    assert [key for key, _ in store.search(rows[6999], k=5)] == ["chk_0"]
