"""Which reranker `RAGKIT_RERANKER` means."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ragkit.threads import Once

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.index.token_signs import TokenSigns
    from ragkit.protocols import Embedder, Reranker
    from ragkit.settings import Settings
    from ragkit.store.engine import Database
    from ragkit.types import Hit

__all__ = ["Rerankers"]


class Rerankers:
    """Opens the reranker, at its first use.

    Args:
        settings: They name it.
        database: Where the built-in one keeps what it has made of passages.
        embedder: Opens the embedder of a generation, which the built-in one uses.
    """

    def __init__(self, settings: Settings, database: Database, embedder: Callable[[Generation], Embedder]) -> None:
        self._name = settings.reranker
        self._database = database
        self._embedder = embedder
        self._cross_encoder = Once(lambda: _cross_encoder(self._name or "", settings))

    def of(self, generation: Generation) -> Reranker:
        """The one for the passages of a generation.

        Raises:
            ConfigError: There is none by this name, or it cannot be used with the embedder of the generation.
            MissingExtra: A package that it needs is not installed.
        """
        from ragkit.index.token_signs import TokenSigns
        from ragkit.retrieve.late_interaction import NAME, LateInteraction

        if self._name not in (None, NAME):
            return self._cross_encoder()
        return LateInteraction(self._embedder(generation), TokenSigns(self._database), _embedded)

    def signs(self) -> TokenSigns | None:
        """Where ingestion keeps what the built-in one compares; none where nobody has asked for that one by name."""
        from ragkit.index.token_signs import TokenSigns
        from ragkit.retrieve.late_interaction import NAME

        return TokenSigns(self._database) if self._name == NAME else None


def _cross_encoder(name: str, settings: Settings) -> Reranker:
    from ragkit.models.rerank import open_cross_encoder

    return open_cross_encoder(name, home=settings.home.resolve())


def _embedded(hit: Hit) -> str:
    from ragkit.ingest.chunking import embedded_input

    return embedded_input(title=hit.title, heading=hit.heading, text=hit.text)
