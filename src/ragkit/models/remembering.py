"""An embedder that remembers what it has embedded.

The same sentences of popular passages are compared with question after question, and with each question twice: to
judge whether they can answer it, and to choose the ones that do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from ragkit.protocols import Embedder, EmbedderSpec, Tokenizer

if TYPE_CHECKING:
    from ragkit.protocols import Matrix, Vector

__all__ = ["RememberingEmbedder"]


class RememberingEmbedder:
    """Another embedder with a memory; safe to share between threads.

    Args:
        embedder: Embeds what is not remembered.
        size: How many texts are remembered, those used last; 8192 texts of 384 dimensions take 12 MB.
    """

    def __init__(self, embedder: Embedder, *, size: int = 8192) -> None:
        self._embedder = embedder
        self._size = size
        self._documents: OrderedDict[str, Vector] = OrderedDict()
        self._queries: OrderedDict[str, Vector] = OrderedDict()
        self._lock = Lock()

    @property
    def spec(self) -> EmbedderSpec:
        return self._embedder.spec

    @property
    def tokenizer(self) -> Tokenizer:
        return self._embedder.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Matrix:
        import numpy as np

        known = {text: vector for text in texts if (vector := self._recall(self._documents, text)) is not None}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            # Not under the lock: two threads may embed the same text, none waits for the other's batch.
            fresh = dict(zip(new, self._embedder.embed_documents(new), strict=True))
            self._keep(self._documents, fresh)
            known |= fresh
        return np.stack([known[text] for text in texts]) if texts else self._embedder.embed_documents([])

    def embed_query(self, text: str) -> Vector:
        vector = self._recall(self._queries, text)
        if vector is None:
            vector = self._embedder.embed_query(text)
            self._keep(self._queries, {text: vector})
        return vector

    def _recall(self, memory: OrderedDict[str, Vector], text: str) -> Vector | None:
        with self._lock:
            vector = memory.get(text)
            if vector is not None:
                memory.move_to_end(text)
            return vector

    def _keep(self, memory: OrderedDict[str, Vector], fresh: dict[str, Vector]) -> None:
        with self._lock:
            memory.update(fresh)
            while len(memory) > self._size:
                memory.popitem(last=False)
