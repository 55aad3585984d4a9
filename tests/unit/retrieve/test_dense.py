from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ragkit.index.catalog import Catalog
from ragkit.index.generations import Generation
from ragkit.retrieve.dense import DenseSearch
from ragkit.store.engine import Database
from ragkit.testing import HashedEmbedder


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
