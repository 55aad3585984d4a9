from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections, Generation
from ragkit.index.scope import Scope
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.filters import reach
from ragkit.retrieve.pipeline import Retriever
from ragkit.store.engine import Database
from ragkit.testing import HashedEmbedder, MemoryKeywords, MemoryVectors
from tests.catalogs import SPEC, write

if TYPE_CHECKING:
    from ragkit.protocols import Vector


def test_a_question_is_embedded_once_by_each_embedder(home: Path) -> None:
    small, large = HashedEmbedder(8), HashedEmbedder(16)
    first, second = (
        Generation(id=number, collection_id=1, collection="c", number=number, spec=embedder.spec, sequence=1)
        for number, embedder in enumerate((small, large), start=1)
    )
    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
        dense = DenseSearch(
            embedder=lambda generation: small if generation is first else large,
            catalog=Catalog(database),
            vectors=None,
        )
        assert dense.embed("a lift", first) is dense.embed("a lift", first)
        assert dense.embed("a lift", second).shape == (16,)
        assert dense.embed("a stair", first) is not dense.embed("a lift", first)
        counted = dense.embedded.cache_info()
        assert (counted.hits, counted.misses) == (2, 3)


class Crowded(MemoryVectors):
    """A graph that leads no further than to three neighbours."""

    def search(self, vector: Vector, *, k: int) -> list[tuple[str, float]]:
        return super().search(vector, k=min(k, 3))


def test_a_list_that_ends_too_soon_is_not_believed_in_any_scope(home: Path) -> None:
    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
        catalog = Catalog(database)
        generation = Collections(database).ensure("c", SPEC)
        write(database, generation, [f"d/{number}" for number in range(10)], 0)
        vectors = Crowded(lambda: catalog.live_vectors(generation))
        vectors.rebuild()
        dense = DenseSearch(
            embedder=lambda _: HashedEmbedder(8), catalog=catalog, vectors=lambda _: vectors, most_bytes=0
        )
        asked = np.eye(8, dtype=np.float32)[0]
        for access, number in ((None, 20), (("a",), 10)):
            within = reach(catalog, generation, Scope(access=access), narrow=0)
            assert len(dense.search(asked, k=50, reach=within)) == number


def test_nobody_holds_a_turn_while_the_store_is_waited_for(home: Path) -> None:
    class Waiting(MemoryVectors):
        free = 0

        def search(self, vector: Vector, *, k: int) -> list[tuple[str, float]]:
            with ExitStack() as held:
                while dense.turns.acquire(blocking=False):
                    held.callback(dense.turns.release)
                    self.free += 1
            return super().search(vector, k=k)

    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
        catalog, collections, embedder = Catalog(database), Collections(database), HashedEmbedder(8)
        generation = collections.ensure("c", embedder.spec)
        write(database, generation, ["d/1"], 0)
        vectors = Waiting()
        dense = DenseSearch(embedder=lambda _: embedder, catalog=catalog, vectors=lambda _: vectors, most_bytes=0)
        retriever = Retriever(
            collections=collections, catalog=catalog, dense=dense, keywords=lambda _: MemoryKeywords(), reranker=None
        )
        with closing(retriever):
            assert len(retriever.search("a lift", collection="c").hits) == 2
        every = 0
        while dense.turns.acquire(blocking=False):
            every += 1
        assert vectors.free == every
