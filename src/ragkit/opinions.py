"""The port for checks of sentences beside the built-in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ragkit.types import Hit, Usage, Verdict

__all__ = ["Checker", "Opinion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a checker says of a sentence."""

    verdict: Verdict | None
    """None where nothing could be read in what it said."""
    score: float = 0.0
    """The probability that it is supported, 0 to 1."""
    usage: Usage | None = None
    """Of a language model, where one was asked."""


class Checker(Protocol):
    """A stronger check of sentences than the built-in one, beside it."""

    @property
    def name(self) -> str: ...

    async def opinion(self, statement: str, passages: Sequence[Hit]) -> Opinion | None:
        """Whether the passages, each or together, say what the statement says; none where it was not asked."""
        ...
