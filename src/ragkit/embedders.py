"""Opens embedders: the one that the settings name, and those that a reindex gave to single collections."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ragkit.models.embed import is_network, open_embedder
from ragkit.settings import Settings
from ragkit.store.embeddings import VectorCache, vector_key
from ragkit.threads import Once

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.protocols import Embedder

__all__ = ["Embedders"]


class Embedders:
    """Each is opened at its first use, once.

    Args:
        settings: Say which is the default, and how those behind the network are reached.
        home: `RAGKIT_HOME`.
        cache: Where ingestion keeps what a provider was paid for, batch by batch, whatever becomes of the run.
    """

    def __init__(self, settings: Settings, *, home: Path, cache: VectorCache) -> None:
        self._settings = settings
        self._home = home
        self._cache = cache
        self._opened: dict[str, Once[Embedder]] = {}
        self._lock = Lock()

    def default(self) -> Embedder:
        """The one of `RAGKIT_EMBEDDER`."""
        return self.named(self._settings.embedder)

    def named(self, name: str) -> Embedder:
        """One by its name.

        Raises:
            ConfigError: There is no such model.
        """
        with self._lock:
            once = self._opened.setdefault(name, Once(lambda: self._open(name)))
        return once()

    def of(self, generation: Generation) -> Embedder:
        """What embeds questions for a generation: the one that a reindex gave it, else the default."""
        default = self.default()
        chosen = generation.pinned and generation.spec != default.spec
        return self.named(generation.spec.name) if chosen else default

    def keeping(self, embedder: Embedder) -> Embedder:
        """The same for ingestion."""
        from ragkit.models.network import NetworkEmbedder

        if not isinstance(embedder, NetworkEmbedder):
            return embedder
        made_by = embedder.spec.id
        return embedder.keeping(
            lambda texts, rows: self._cache.put([vector_key(made_by, text) for text in texts], rows)
        )

    def close(self) -> None:
        """Let go of those that hold connections."""
        for once in self._opened.values():
            once.close(_close)

    def _open(self, name: str) -> Embedder:
        if is_network(name):
            from ragkit.models.network_provider import open_network_embedder

            return open_network_embedder(self._settings.model_copy(update={"embedder": name}))
        return open_embedder(name, home=self._home, backend=self._settings.embedder_backend)


def _close(embedder: Embedder) -> None:
    close = getattr(embedder, "close", None)  # those behind the network hold connections
    if close is not None:
        close()
