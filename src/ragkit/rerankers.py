"""Which reranker `RAGKIT_RERANKER` means."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ragkit.threads import Once

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.index.token_signs import TokenSigns
    from ragkit.protocols import ChatModel, ChatRequest, Embedder, Reranker
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
        self._model = Once(lambda: _open(self._name or "", settings))

    def of(self, generation: Generation) -> Reranker:
        """The one for the passages of a generation.

        Raises:
            ConfigError: There is none by this name, or it cannot be used with the embedder of the generation.
            MissingExtra: A package that it needs is not installed.
        """
        from ragkit.index.token_signs import TokenSigns
        from ragkit.retrieve.late_interaction import NAME, LateInteraction

        if self._name not in (None, NAME):
            return self._model()
        return LateInteraction(
            self._embedder(generation), TokenSigns(self._database), partial(_embedded, generation.spec.id)
        )

    def signs(self) -> TokenSigns | None:
        """Where ingestion keeps what the built-in one compares; none where nobody has asked for that one by name."""
        from ragkit.index.token_signs import TokenSigns
        from ragkit.retrieve.late_interaction import NAME

        return TokenSigns(self._database) if self._name == NAME else None


def _open(reranker: str, settings: Settings) -> Reranker:
    from ragkit.models.named import is_llm

    if is_llm(reranker):
        return _open_llm(reranker, settings)
    from ragkit.models.rerank import open_reranking_model

    return open_reranking_model(reranker, home=settings.home.resolve())


def _open_llm(reranker: str, settings: Settings) -> Reranker:
    """A chat model that ranks."""
    from ragkit.answer.context import written
    from ragkit.models.named import named_language_model
    from ragkit.retrieve.listwise import ListwiseReranker

    chat = named_language_model(reranker, settings, variable="RAGKIT_RERANKER")
    return ListwiseReranker(reranker, complete=partial(_complete, chat), written=written)


def _complete(chat: ChatModel, request: ChatRequest) -> str:
    """A reply, on the event loop whose thread this is: the connections of a provider's package belong to one loop."""
    import anyio.from_thread

    async def read() -> str:
        return "".join([delta.text async for delta in chat.stream(request)])

    return anyio.from_thread.run(read)


def _embedded(embedder_id: str, hit: Hit, key: bytes | None) -> str:
    """The text that was embedded for a hit: without its title where that was made of the file name."""
    from ragkit.ingest.chunking import embedded_input
    from ragkit.store.embeddings import vector_key

    bare = embedded_input(title="", heading=hit.heading, text=hit.text)
    if vector_key(embedder_id, bare) == key:
        return bare
    return embedded_input(title=hit.title, heading=hit.heading, text=hit.text)
