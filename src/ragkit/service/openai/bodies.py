"""Requests in OpenAI's form: what is taken from them, what has no effect, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ragkit.errors import InputError
from ragkit.service.deps import Body, FiltersBody, Flag, Mmr, Name, Storable, a_number
from ragkit.types import Message

__all__ = ["ChatBody", "EmbeddingsBody"]

PASSED = frozenset({"model", "messages", "stream", "stream_options", "ragkit", "n", "response_format", "modalities"})
"""Fields of a chat that have an effect, or can only be asked for as what they are anyhow."""
NOT_HAD = ("tools", "functions", "logprobs", "top_logprobs", "audio", "web_search_options")
"""What a client that asks for them relies on."""


class _Part(BaseModel):
    """A part of a message; those that are no text are refused."""

    type: str
    text: Storable = ""


class _Said(BaseModel):
    """A message; the fields beside these have no effect."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Storable | list[_Part] | None = None

    def text(self, name: str) -> str:
        """The texts of its parts, under each other.

        Raises:
            InputError: A part is a picture or the like.
        """
        if not isinstance(self.content, list):
            return self.content or ""
        for part in self.content:
            if part.type not in {"text", "input_text", "refusal"}:
                raise InputError(f"{name}: a part of the type {part.type!r} cannot be read.", hint="Send text alone.")
        return "\n".join(part.text for part in self.content)


class RagkitOptions(Body):
    """What OpenAI's form has no field for."""

    prompt: Name | None = None
    """`name`, `name@alias` or `name@version`."""
    filters: FiltersBody | None = None
    mmr: Mmr | None = None


class StreamOptions(BaseModel):
    """Of a stream."""

    include_usage: Flag = False


class ChatBody(BaseModel):
    """A chat, its last message the question; a field that is not named here has no effect, and the reply tells so."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "model": "ragkit/hr",
                    "messages": [{"role": "user", "content": "How long is the notice period?"}],
                    "stream": False,
                }
            ]
        },
    )

    model: Name
    """`ragkit`, or `ragkit/COLLECTION`."""
    messages: list[_Said] = Field(min_length=1, max_length=1000)
    stream: Flag = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    response_format: Mapping[str, Any] | None = None
    modalities: list[str] | None = None
    ragkit: RagkitOptions = RagkitOptions()

    def question(self) -> str:
        """The text of the last message.

        Raises:
            InputError: It is no question, or a field asks for what is not had.
        """
        for name in NOT_HAD:
            if (self.model_extra or {}).get(name):
                raise InputError(f"{name}: answers are written from documents, without it.", hint="Leave it out.")
        if (self.response_format or {}).get("type", "text") != "text":
            raise InputError("response_format: answers are text.", hint="Leave it out.")
        if self.modalities not in (None, ["text"]):
            raise InputError("modalities: answers are text.", hint="Leave it out.")
        last = self.messages[-1]
        if last.role != "user" or not (text := last.text(f"messages.{len(self.messages) - 1}")).strip():
            raise InputError(
                "messages: the last one must be a question of the role 'user'.", hint="Send what was asked last, last."
            )
        return text

    def history(self) -> tuple[Message, ...]:
        """What was said before, without instructions: what a model is told is a prompt of the service."""
        before = [(number, said) for number, said in enumerate(self.messages[:-1])]
        return tuple(
            Message(role=said.role, text=text)
            for number, said in before
            if said.role in ("user", "assistant") and (text := said.text(f"messages.{number}"))
        )

    def ignored(self) -> list[str]:
        """The fields that have no effect."""
        given = {name for name, value in (self.model_extra or {}).items() if value is not None} - PASSED
        instructed = {"messages.system"} if {"system", "developer"} & {said.role for said in self.messages} else set()
        return sorted(given | instructed)


class EmbeddingsBody(BaseModel):
    """Texts to embed, as passages are embedded."""

    model_config = ConfigDict(
        frozen=True, json_schema_extra={"examples": [{"model": "ragkit/hr", "input": ["How long is the notice?"]}]}
    )

    model: Name
    """`ragkit`, or `ragkit/COLLECTION`: the embedder of that collection; or an embedder's own name."""
    input: Storable | Annotated[list[Storable], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, a_number] | None = None

    def texts(self) -> list[str]:
        """Each with something in it.

        Raises:
            InputError: One is empty.
        """
        texts = [self.input] if isinstance(self.input, str) else list(self.input)
        if not all(text.strip() for text in texts):
            raise InputError("input: there is nothing in one of the texts.")
        return texts

    def encoded(self, row: tuple[float, ...]) -> str | tuple[float, ...]:
        """A vector as it was asked for; in base64 it is 32-bit floats, the lowest byte first."""
        if self.encoding_format == "float":
            return row
        import numpy as np

        return base64.b64encode(np.asarray(row, "<f4").tobytes()).decode()
