"""Which reranker a collection gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from ragkit.index.generations import Collections
from ragkit.protocols import TokenVectors
from ragkit.rerankers import Rerankers
from ragkit.settings import load
from ragkit.store.engine import Database
from ragkit.testing import HashedEmbedder
from ragkit.types import Hit

HIT = Hit(
    rank=1, score=0.5, via=(), document_id="d", uri="u", title="", page=None, heading="", chunk_id="c", start=0, end=6,
    text="parcel",
)  # fmt: skip


class Noting(HashedEmbedder):
    """Notes down what it is asked for the tokens of."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.asked: list[str] = []

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        self.asked += texts
        return super().embed_tokens(texts)


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database.open("sqlite:///ragkit.db")
    yield database
    database.close()


def test_a_collection_that_has_another_embedder_is_reranked_by_that_one(database: Database) -> None:
    default, other = Noting(384), Noting(64)
    generation = Collections(database).ensure("c", other.spec)
    embedders = {default.spec.id: default, other.spec.id: other}
    rerankers = Rerankers(load(), database, lambda generation: embedders[generation.spec.id])
    (hit,) = rerankers.of(generation).rerank("Where is the parcel?", [HIT])
    assert hit.via == ("rerank",)
    assert (default.asked, other.asked) == ([], ["Where is the parcel?", "parcel"])


def test_what_is_compared_is_made_ahead_where_the_reranker_is_asked_for_by_name(database: Database) -> None:
    def asked_for(name: str | None) -> bool:
        return Rerankers(load(reranker=name), database, lambda _: HashedEmbedder()).signs() is not None

    assert [asked_for(name) for name in (None, "late-interaction", "some/model")] == [False, True, False]
