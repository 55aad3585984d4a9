"""How many tokens a prompt has for its sources: what is set, as far as the model has room for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit.errors import ConfigError
from ragkit.protocols import ChatModel, MeasuredChat
from ragkit.tokens import count_tokens
from ragkit.types import Message

__all__ = ["Room", "room_in"]

PER_MESSAGE = 8
"""Tokens that a model is sent around each message."""
LEAST = 100
"""Tokens for sources, without which there is no point in asking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a prompt has for its sources, and how that is counted."""

    tokens: int
    examples: int
    """How many of the prompt's examples there is room for; the last ones go first."""
    count: Callable[[str], int]


def room_in(
    chat: ChatModel, *, fixed: Sequence[Message], examples: Sequence[Sequence[Message]], wanted: int, reply: int
) -> Room:
    """Share out what a model reads; sources go before examples.

    Args:
        chat: The model.
        fixed: The messages without examples and sources.
        examples: The messages of each.
        wanted: Tokens for sources, where there is room for so many.
        reply: Tokens that are kept for the reply.

    Raises:
        ConfigError: Question, prompt and reply leave no room for sources.
    """
    count, reads = count_tokens, None
    if isinstance(chat, MeasuredChat):
        count, reads = chat.count, chat.reads()
    if reads is None:
        return Room(tokens=wanted, examples=len(examples), count=count)
    left = reads - reply - _size(fixed, count)
    if left < min(wanted, LEAST):
        raise ConfigError(
            f"{chat.name!r} reads {reads:,} tokens; question, prompt and reply leave {max(left, 0):,} for sources.",
            hint="Lower RAGKIT_LLM_MAX_TOKENS, shorten the question or the prompt, or take a model that reads more.",
        )
    kept = 0
    for example in examples:
        size = _size(example, count)
        if left - size < wanted:
            break
        left -= size
        kept += 1
    return Room(tokens=min(wanted, left), examples=kept, count=count)


def _size(messages: Sequence[Message], count: Callable[[str], int]) -> int:
    return sum(count(message.text) + PER_MESSAGE for message in messages)
