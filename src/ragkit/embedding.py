"""Vectors of any texts, made as a collection's are; for who wants to compare texts by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.callers import Within
from ragkit.errors import TooLarge
from ragkit.protocols import Vectors
from ragkit.threads import Threads

if TYPE_CHECKING:
    from ragkit.parts import Parts
    from ragkit.protocols import Embedder

__all__ = ["AsyncEmbeddings"]

BATCH = 32
"""Texts that are embedded in one go: between two of them, searches have their turn."""


class AsyncEmbeddings:
    """Embeds texts that are not documents."""

    def __init__(self, parts: Parts, threads: Threads, within: Within) -> None:
        self._parts = parts
        self._threads = threads
        self._within = within

    async def create(self, texts: Sequence[str], *, collection: str | None = None) -> Vectors:
        """Embed texts as passages are embedded.

        Args:
            texts: At least one.
            collection: Whose embedder; without it that of `RAGKIT_EMBEDDER`.

        Raises:
            NotFound: There is no such collection.
            TooLarge: A text has more tokens than the embedder reads.
        """
        where = None if collection is None else self._within.named(collection)
        embedder = await self._threads.run(self._embedder, where)
        sizes = await self._threads.run(lambda: [len(embedder.tokenizer.spans(text)) for text in texts])
        for number, size in enumerate(sizes):
            if size > embedder.spec.max_tokens:
                raise TooLarge(
                    f"input.{number}: the text has {size:,} tokens, and {embedder.spec.name!r} reads "
                    f"{embedder.spec.max_tokens:,}.",
                    hint="Cut it into passages, and embed these.",
                )
        rows: list[tuple[float, ...]] = []
        for start in range(0, len(texts), BATCH):
            made = await self._threads.run(embedder.embed_documents, texts[start : start + BATCH])
            rows += map(tuple, made.tolist())
        return Vectors(embedder=embedder.spec.name, rows=tuple(rows), tokens=sum(sizes))

    def _embedder(self, collection: str | None) -> Embedder:
        default = self._parts.embedder(self._parts.settings.embedder)
        if collection is None:
            return default
        spec = self._parts.collections.get(collection).spec
        return default if spec == default.spec else self._parts.embedder(spec.name)
