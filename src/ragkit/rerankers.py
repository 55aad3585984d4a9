"""Which reranker `RAGKIT_RERANKER` means."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.protocols import Embedder, Reranker
    from ragkit.settings import Settings
    from ragkit.store.engine import Database
    from ragkit.types import Hit

__all__ = ["open_reranker"]


def open_reranker(settings: Settings, database: Database, embedder: Callable[[], Embedder]) -> Reranker:
    """Open the reranker.

    Args:
        settings: They name it.
        database: Where the built-in one keeps what it has made of passages.
        embedder: Opens the embedder, which the built-in one uses.

    Raises:
        ConfigError: There is none by this name, or it cannot be used with this embedder.
        MissingExtra: A package that it needs is not installed.
    """
    from ragkit.retrieve.late_interaction import NAME, LateInteraction

    if settings.reranker == NAME:
        from ragkit.index.token_signs import TokenSigns

        return LateInteraction(embedder(), TokenSigns(database), _embedded)
    from ragkit.models.rerank import open_cross_encoder

    return open_cross_encoder(settings.reranker, home=settings.home.resolve())


def _embedded(hit: Hit) -> str:
    from ragkit.ingest.chunking import embedded_input

    return embedded_input(title=hit.title, heading=hit.heading, text=hit.text)
