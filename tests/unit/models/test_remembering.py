from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragkit.models.remembering import RememberingEmbedder
from ragkit.testing import HashedEmbedder

if TYPE_CHECKING:
    from ragkit.protocols import Matrix


class CountingEmbedder(HashedEmbedder):
    """Notes what it had to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> Matrix:
        self.embedded += texts
        return super().embed_documents(texts)


def test_a_text_is_embedded_once() -> None:
    inner = CountingEmbedder()
    embedder = RememberingEmbedder(inner)
    first = embedder.embed_documents(["a b", "c", "a b"])
    again = embedder.embed_documents(["c", "d", "a b"])
    assert inner.embedded == ["a b", "c", "d"]
    assert np.array_equal(first, HashedEmbedder().embed_documents(["a b", "c", "a b"]))
    assert np.array_equal(again, HashedEmbedder().embed_documents(["c", "d", "a b"]))


def test_what_was_used_last_is_remembered() -> None:
    inner = CountingEmbedder()
    embedder = RememberingEmbedder(inner, size=2)
    embedder.embed_documents(["a", "b"])
    embedder.embed_documents(["a"])
    embedder.embed_documents(["c"])
    embedder.embed_documents(["a", "b"])
    assert inner.embedded == ["a", "b", "c", "b"]


def test_no_text_gives_no_row() -> None:
    assert RememberingEmbedder(HashedEmbedder()).embed_documents([]).shape == (0, 384)


def test_a_query_and_a_document_are_remembered_apart() -> None:
    inner = CountingEmbedder()
    embedder = RememberingEmbedder(inner)
    embedder.embed_query("a")
    embedder.embed_query("a")
    embedder.embed_documents(["a"])
    assert inner.embedded == ["a"]
