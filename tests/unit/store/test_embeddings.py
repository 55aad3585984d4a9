from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from ragkit.errors import StorageError
from ragkit.store.embeddings import VectorCache, drop_unused, put_vectors, vector_key
from ragkit.store.engine import Database


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(Database.open(f"sqlite:///{tmp_path / 'ragkit.db'}"))


def _unit(rows: int, dimension: int = 8) -> np.ndarray:
    matrix = np.random.default_rng(7).standard_normal((rows, dimension)).astype(np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_a_vector_comes_back_as_it_went_in_to_half_precision(cache: VectorCache) -> None:
    keys, matrix = [vector_key("e", str(n)) for n in range(3)], _unit(3)
    cache.put(keys, matrix)
    found = cache.find([keys[2], keys[0], b"another key"], dimension=8)
    again = np.stack([found[keys[2]], found[keys[0]], found[keys[2]]])
    assert np.allclose(again, matrix[[2, 0, 2]], atol=1e-3)


def test_equal_text_has_one_key_per_embedder() -> None:
    assert vector_key("a", "text") == vector_key("a", "text")
    assert vector_key("a", "text") != vector_key("b", "text")
    assert vector_key("a", "btext") != vector_key("ab", "text")


def test_more_keys_than_one_query_takes(cache: VectorCache) -> None:
    keys, matrix = [vector_key("e", str(n)) for n in range(1700)], _unit(1700)
    cache.put(keys[:1600], matrix[:1600])
    assert cache.missing(keys) == set(keys[1600:])
    found = cache.find(keys[:1600], dimension=8)
    assert np.allclose(np.stack([found[key] for key in keys[:1600]]), matrix[:1600], atol=1e-3)


def test_a_vector_that_is_there_stays_as_it_is(cache: VectorCache) -> None:
    key, matrix = vector_key("e", "x"), _unit(2)
    cache.put([key], matrix[:1])
    cache.put([key], matrix[1:])
    assert np.allclose(cache.find([key], dimension=8)[key], matrix[0], atol=1e-3)


def test_no_keys_find_nothing(cache: VectorCache) -> None:
    assert cache.missing([]) == set()
    assert cache.find([], dimension=8) == {}


def test_in_postgres_a_vector_is_not_deleted_beside_who_has_come_to_use_it(postgres: str) -> None:
    key = vector_key("e", "x")
    pairs = [(key, _unit(1)[0])]

    def use() -> None:
        with database.write() as connection:
            put_vectors(connection, pairs)

    def impatiently_drop() -> None:
        with database.write() as connection:
            connection.execute(sa.text("SET LOCAL lock_timeout = '100ms'"))
            drop_unused(connection, [key])

    with closing(Database.open(postgres)) as database:
        use()
        with database.write() as using:
            put_vectors(using, pairs)
            with pytest.raises(StorageError, match="lock timeout"):
                impatiently_drop()
        user = threading.Thread(target=use)
        with database.write() as deleting:
            drop_unused(deleting, [key])
            user.start()
        user.join()
        assert VectorCache(database).missing([key]) == set()
