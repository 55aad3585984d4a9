"""What the answer path asks of the rest of the engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol, cast

from ragkit.protocols import ChatDelta, ChatModel, ChatRequest
from ragkit.types import Filters, Message, Mode, PromptVersion, SearchResult, Section

__all__ = ["Prompts", "Search", "Sections", "deltas"]


class Search(Protocol):
    """Finds passages."""

    async def __call__(
        self,
        query: str,
        *,
        collection: str,
        k: int,
        mode: Mode,
        filters: Filters | None,
        access: tuple[str, ...] | None,
        mmr: float | None,
    ) -> SearchResult: ...


class Sections(Protocol):
    """Tells what stands around passages."""

    def __call__(self, chunk_ids: Sequence[str]) -> Mapping[str, Section]: ...


class Prompts(Protocol):
    """Where prompts come from."""

    def resolve(self, reference: str, *, like: str | None = None) -> PromptVersion: ...

    def render(self, prompt: PromptVersion, values: Mapping[str, str]) -> str: ...

    def messages(
        self, prompt: PromptVersion, values: Mapping[str, str], *, examples: int | None = None
    ) -> tuple[Message, ...]: ...


def deltas(chat: ChatModel, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
    """The reply of a model, to be closed by who reads it."""
    # The port promises an iterator that can be closed: every implementation is an async generator.
    return cast("AsyncGenerator[ChatDelta]", chat.stream(request))
