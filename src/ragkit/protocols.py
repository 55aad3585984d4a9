"""The ports: what ragkit asks of a part that can be exchanged.

Each port has one contract test suite in `tests/contracts`, which every implementation and every fake passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ragkit.parsed import Parsed, Piece
from ragkit.types import Hit, Message, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]
    """Shape (dimension,), unit length."""
    Matrix = NDArray[np.float32]
    """Shape (texts, dimension), rows of unit length."""

__all__ = [
    "ChatDelta",
    "ChatModel",
    "ChatRequest",
    "Chunker",
    "Disagreement",
    "Embedder",
    "EmbedderSpec",
    "KeywordEntry",
    "KeywordIndex",
    "MeasuredChat",
    "Parser",
    "QueriesEmbedder",
    "Reranker",
    "Source",
    "TokenEmbedder",
    "TokenVectors",
    "Tokenizer",
    "VectorStore",
    "Vectors",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The bytes of a file and what is known of them before parsing."""

    name: str
    """File name with its extension, for choosing a parser; never embedded."""
    data: bytes
    media_type: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class Parser(Protocol):
    """Turns the bytes of one family of formats into text with spans."""

    @property
    def name(self) -> str:
        """Name and version, such as `pdf/1`: part of the processing fingerprint."""
        ...

    @property
    def extensions(self) -> frozenset[str]:
        """Lower-case, with the dot."""
        ...

    def parse(self, source: Source) -> Parsed:
        """Read it.

        Raises:
            ParseFailed: The bytes are damaged, encrypted or not of this format.
        """
        ...


class Tokenizer(Protocol):
    """Counts as the embedder counts."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """The character span of each token, in order, special tokens left out."""
        ...


class Chunker(Protocol):
    """Cuts a parsed document into passages."""

    @property
    def name(self) -> str:
        """Name, version and parameters: part of the processing fingerprint."""
        ...

    def split(self, parsed: Parsed) -> Sequence[Piece]:
        """Pieces in order; together they hold every word of the text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderSpec:
    """What must agree for two vectors to be comparable; a generation is stamped with it."""

    id: str
    """`NAME@HASH`: what `RAGKIT_EMBEDDER` says, and which weights those are."""
    dimension: int
    max_tokens: int
    """Tokens that the model reads, special tokens left out; a longer text would lose its tail."""
    pooling: str = "mean"
    query_prefix: str = ""
    document_prefix: str = ""

    @property
    def name(self) -> str:
        """What to set `RAGKIT_EMBEDDER` to."""
        return self.id.partition("@")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVectors:
    """A text token by token, special tokens left out."""

    spans: Sequence[tuple[int, int]]
    """The characters of each token, in order."""
    rows: Matrix
    """The vector of each in its context, of unit length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Unit vectors, one a text, in the order given."""

    embedder: str
    rows: tuple[tuple[float, ...], ...]
    tokens: int
    """Of all texts together, as the embedder counts."""


class Embedder(Protocol):
    """Turns text into unit vectors."""

    @property
    def spec(self) -> EmbedderSpec: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    def embed_documents(self, texts: Sequence[str]) -> Matrix:
        """One row a text, in the order given."""
        ...

    def embed_query(self, text: str) -> Vector: ...


@runtime_checkable
class QueriesEmbedder(Protocol):
    """An embedder that takes less for questions together than for each alone."""

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        """One row a question; of one longer than `spec.max_tokens`, that of its beginning."""
        ...


@runtime_checkable
class TokenEmbedder(Embedder, Protocol):
    """An embedder that runs on this machine, and so can tell what it makes of each token."""

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The tokens of each text; of one longer than `spec.max_tokens`, those of its beginning."""
        ...


class VectorStore(Protocol):
    """Nearest neighbours by cosine in one generation of one collection."""

    def upsert(self, ids: Sequence[str], vectors: Matrix) -> None: ...

    def delete(self, ids: Sequence[str]) -> None:
        """Unknown ids are ignored."""
        ...

    def search(self, vector: Vector, *, k: int) -> list[tuple[str, float]]:
        """At most `k` pairs (id, cosine), best first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordEntry:
    """What the keyword index holds of a chunk."""

    chunk_id: str
    document_id: str
    title: str
    heading: str
    text: str
    language: str = ""
    """As ISO 639-1, such as `de` or `pt-BR`; empty when it could not be told."""


class KeywordIndex(Protocol):
    """BM25 over the chunks of one collection."""

    def update(self, *, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        """Add entries and remove chunk ids in one commit, which every process sees."""
        ...

    def search(self, query: str, *, k: int, document_ids: Sequence[str] = ()) -> list[tuple[str, float]]:
        """At most `k` pairs (chunk id, BM25 score), best first; any text is a valid query."""
        ...

    def terms(self, query: str) -> dict[str, int]:
        """What is looked for, as it is analysed, with the number of chunks that have it."""
        ...


class Reranker(Protocol):
    """Reorders hits by reading question and passage together."""

    @property
    def name(self) -> str: ...

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two statements of different sources that answer a question differently.

    Each is the number of its source, from 1, and where it begins in that source's text.
    """

    first: tuple[int, int]
    """The newer one, where that can be told; else the likelier one."""
    second: tuple[int, int]
    dated: bool
    """Whether the first is the newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One call of a model: the rendered messages, and what they were rendered from."""

    messages: tuple[Message, ...]
    question: str
    sources: tuple[Hit, ...] = ()
    """Numbered from 1 in this order in the messages."""
    disagreement: Disagreement | None = None
    """Between two of the sources, where one was found."""
    max_tokens: int | None = None
    scope: str = ""
    """Who asks, of what and how: a reply is repeated only where this is equal as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDelta:
    """A part of the reply; the last one carries the usage, where the provider reports it."""

    text: str = ""
    usage: Usage | None = None
    so_far: Callable[[], Usage] | None = None
    """Estimates it for who breaks the reply off here."""
    model: str = ""
    """Which model writes, where it is not the one that was asked; told before its first text,"""
    fallback: str = ""
    """with what was wrong with that one."""


class ChatModel(Protocol):
    """A language model, or what stands in for one."""

    @property
    def name(self) -> str:
        """As in `RAGKIT_LLM`: `extractive` or `provider:model`."""
        ...

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply as it is written; closing the iterator cancels the call.

        Raises:
            UpstreamError: The provider failed, timed out or asked to slow down.
        """
        ...


@runtime_checkable
class MeasuredChat(ChatModel, Protocol):
    """A model of which it is known how much it reads."""

    def reads(self) -> int | None:
        """Tokens that the messages of a request may have; none where that is not known after all."""
        ...

    def count(self, text: str) -> int:
        """Its tokens, or as good an estimate as there is."""
        ...
