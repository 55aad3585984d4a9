"""Replies in OpenAI's form: completions, the chunks of a stream, lists of models, vectors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from typing_extensions import TypedDict

from ragkit.service.openai.links import address_of
from ragkit.types import Answer, Citation, Usage, Verdict

__all__ = ["Completion", "Embeddings", "Model", "Models", "Writing"]


class Model(TypedDict):
    """Something that answers."""

    id: str
    object: str
    created: int
    owned_by: str


class Models(TypedDict):
    """What answers."""

    object: str
    data: list[Model]


class WrittenMessage(TypedDict):
    """What was answered."""

    role: str
    content: str
    refusal: None


class Choice(TypedDict):
    """The one answer."""

    index: int
    message: WrittenMessage
    finish_reason: str
    logprobs: None


class Tokens(TypedDict):
    """What the model read and wrote."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Source(TypedDict):
    """What a marker of the answer points at."""

    number: int
    url: str
    document_id: str
    uri: str
    title: str
    page: int | None
    heading: str
    start: int
    end: int
    quote: str
    verdict: Verdict
    supported: bool


class About(TypedDict):
    """What OpenAI's form has no field for."""

    trace_id: str
    conversation_id: str
    abstained: bool
    reason: str | None
    sources: list[Source]
    ignored: list[str]
    """Fields of the request that had no effect."""


class Completion(TypedDict):
    """An answer, with its sources under `ragkit`."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Tokens
    ragkit: About


class Embedding(TypedDict):
    """The vector of one text."""

    object: str
    index: int
    embedding: list[float] | str


class Read(TypedDict):
    """Tokens that were embedded."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(TypedDict):
    """Vectors of texts, in their order."""

    object: str
    model: str
    data: list[Embedding]
    usage: Read


class Writing:
    """Writes one answer, whole or in chunks.

    Args:
        trace_id: By which the answer is found again; it is told with the first event.
        model: As it was asked for.
        base: The address of the service, for the links to sources.
        ignored: Fields of the request that had no effect.
    """

    def __init__(self, *, trace_id: str, model: str, base: str, ignored: Sequence[str]) -> None:
        self._head = {"id": f"chatcmpl-{trace_id}", "created": int(time.time()), "model": model}
        self._base = base
        self._ignored = list(ignored)

    def whole(self, text: str, answer: Answer) -> Completion:
        """The answer as one completion."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        about = {"usage": _tokens(answer.usage), "ragkit": self._about(answer)}
        return {"object": "chat.completion", **self._head, "choices": [choice], **about}  # type: ignore[typeddict-item]

    def begun(self) -> dict[str, Any]:
        """The first chunk."""
        return self._chunk({"role": "assistant", "content": ""})

    def more(self, text: str) -> dict[str, Any]:
        """A chunk with the next part of the text."""
        return self._chunk({"content": text})

    def ended(self, answer: Answer) -> dict[str, Any]:
        """The chunk after the last part of the text, with the sources."""
        return self._chunk({}, "stop") | {"ragkit": self._about(answer)}

    def used(self, answer: Answer) -> dict[str, Any]:
        """The chunk that tells of the model's use."""
        return self._chunk({}) | {"choices": [], "usage": _tokens(answer.usage)}

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return {"object": "chat.completion.chunk", **self._head, "choices": [choice]}

    def _about(self, answer: Answer) -> About:
        return {
            "trace_id": answer.trace_id,
            "conversation_id": answer.conversation_id,
            "abstained": answer.abstained,
            "reason": answer.reason,
            "sources": [self._source(citation) for citation in answer.citations],
            "ignored": self._ignored,
        }

    def _source(self, citation: Citation) -> Source:
        return {
            "number": citation.marker,
            "url": address_of(citation, self._base),
            "document_id": citation.document_id,
            "uri": citation.uri,
            "title": citation.title,
            "page": citation.page,
            "heading": citation.heading,
            "start": citation.start,
            "end": citation.end,
            "quote": citation.quote,
            "verdict": citation.verdict,
            "supported": citation.supported,
        }


def _tokens(usage: Usage) -> Tokens:
    read, written = usage.input_tokens, usage.output_tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
