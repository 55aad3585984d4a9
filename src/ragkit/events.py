"""The events of a streamed answer, in the order in which they can come; the last is `Done` or `Failed`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ragkit.types import Answer, Citation, Hit, Usage, Verdict
from ragkit.verdicts import BUILT_IN

__all__ = ["Accepted", "Cited", "Done", "Event", "Failed", "Retrieved", "Token", "Verified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The question was accepted; the identifiers to find the answer by."""

    trace_id: str
    conversation_id: str
    event: Literal["accepted"] = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """The passages that were found, best first; markers number those that were shown, as `citation` events tell."""

    question: str
    """The stand-alone question that was searched for."""
    hits: tuple[Hit, ...]
    event: Literal["retrieved"] = "retrieved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The next part of the answer's text."""

    text: str
    event: Literal["token"] = "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A marker was resolved to the passage that it points at."""

    citation: Citation
    event: Literal["citation"] = "citation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A sentence of the answer closed and was held against what it cites."""

    sentence: str
    markers: tuple[int, ...]
    verdict: Verdict
    score: float
    dropped: bool = False
    """Whether the sentence was left out of the answer for it."""
    checked_by: str = BUILT_IN
    """As of a citation."""
    event: Literal["verdict"] = "verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The whole answer; always the last event of a success."""

    answer: Answer
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    """How long each stage took, where the answer was made; its record has them too."""
    event: Literal["done"] = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The answer broke off; `code` and `hint` are those of the error."""

    code: str
    detail: str
    hint: str | None
    trace_id: str
    usage: Usage | None = None
    """What models used for it until then, where that is known."""
    event: Literal["error"] = "error"


Event = Accepted | Retrieved | Token | Cited | Verified | Done | Failed
