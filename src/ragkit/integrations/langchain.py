"""`RagkitRetriever`: search as LangChain's chains and agents call it, over the engine or a service."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, SkipValidation

from ragkit.types import Filters, Hit, Mode, SearchResult

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun

__all__ = ["AsyncSearches", "RagkitRetriever", "Searches"]


class Searches(Protocol):
    """`Ragkit` and `Client`."""

    def search(
        self, query: str, *, collection: str | None, k: int, mode: Mode, filters: Filters | None, mmr: float | None
    ) -> SearchResult: ...


class AsyncSearches(Protocol):
    """`AsyncRagkit` and `AsyncClient`."""

    async def search(
        self, query: str, *, collection: str | None, k: int, mode: Mode, filters: Filters | None, mmr: float | None
    ) -> SearchResult: ...


class RagkitRetriever(BaseRetriever):
    """The passages that answer a query best, best first, as LangChain's documents.

    A document's `id` is that of the chunk, and its metadata are the other fields of `Hit`: `uri`, `title`, `page`,
    `heading`, `start` and `end` (characters of the document's text), `score`. Errors are those of `ragkit.errors`.

    Attributes:
        kit: For `invoke`; without `async_kit` also for `ainvoke`, which then runs it in a thread.
        async_kit: For `ainvoke`.
        k: How many passages.
        collection: Else the engine's or the service's own.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kit: SkipValidation[Searches]
    async_kit: SkipValidation[AsyncSearches | None] = None
    k: int = 10
    collection: str | None = None
    mode: Mode = "hybrid"
    filters: Filters | None = None
    mmr: float | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.kit.search(
            query, collection=self.collection, k=self.k, mode=self.mode, filters=self.filters, mmr=self.mmr
        )
        return [_document(hit) for hit in found.hits]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        if self.async_kit is None:
            return await super()._aget_relevant_documents(query, run_manager=run_manager)
        found = await self.async_kit.search(
            query, collection=self.collection, k=self.k, mode=self.mode, filters=self.filters, mmr=self.mmr
        )
        return [_document(hit) for hit in found.hits]


def _document(hit: Hit) -> Document:
    metadata = asdict(hit)
    text, chunk_id = metadata.pop("text"), metadata.pop("chunk_id")
    return Document(page_content=text, id=chunk_id, metadata=metadata)
