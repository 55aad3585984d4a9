"""An embedder without a model: texts that share words are close."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.errors import InputError
from ragkit.protocols import Embedder, EmbedderSpec, Tokenizer, TokenVectors

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["HashedEmbedder", "TextEmbedder", "WordTokenizer"]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")


class WordTokenizer:
    """A token is a run of word characters or one other visible character."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in _TOKEN.finditer(text)]


class HashedEmbedder:
    """A bag of words, each word hashed to a few signed places of the vector (feature hashing, Weinberger et al. 2009).

    The same text gives the same vector on every machine.
    """

    def __init__(self, dimension: int = 384, *, max_tokens: int = 254) -> None:
        self._spec = EmbedderSpec(id=f"hashed-words@{dimension}", dimension=dimension, max_tokens=max_tokens)
        self._tokenizer = WordTokenizer()

    @property
    def spec(self) -> EmbedderSpec:
        return self._spec

    @property
    def tokenizer(self) -> Tokenizer:
        return self._tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Matrix:
        import numpy as np

        for text in texts:
            if (count := len(self._tokenizer.spans(text))) > self._spec.max_tokens:
                raise InputError(f"A text of {count} tokens does not fit the embedder's {self._spec.max_tokens}.")
        rows = [self.embed_query(text) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self._spec.dimension), np.float32)

    def embed_query(self, text: str) -> Vector:
        import numpy as np

        vector = np.zeros(self._spec.dimension, np.float32)
        vector[0] = 1e-6  # so that a text without a word has a direction too
        for word in _WORD.findall(text.casefold()):
            digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=16).digest()
            for place in range(0, 16, 4):
                number = int.from_bytes(digest[place : place + 4], "little")
                vector[(number >> 1) % self._spec.dimension] += 1.0 if number & 1 else -1.0
        return vector / np.float32(np.linalg.norm(vector))

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        import numpy as np

        found = []
        for text in texts:
            spans = self._tokenizer.spans(text)[: self._spec.max_tokens]
            rows = [self.embed_query(text[start:end]) for start, end in spans]
            none = np.zeros((0, self._spec.dimension), np.float32)
            found.append(TokenVectors(spans=spans, rows=np.stack(rows) if rows else none))
        return found


class TextEmbedder:
    """Another embedder without its vectors of tokens, as those behind the network are."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def spec(self) -> EmbedderSpec:
        return self._embedder.spec

    @property
    def tokenizer(self) -> Tokenizer:
        return self._embedder.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Matrix:
        return self._embedder.embed_documents(texts)

    def embed_query(self, text: str) -> Vector:
        return self._embedder.embed_query(text)
