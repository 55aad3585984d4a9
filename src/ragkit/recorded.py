"""What was asked and answered, as it is kept: conversations, records of answers, and how two answers differ.

Wire types like those in `ragkit.types`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from ragkit.errors import InputError
from ragkit.events import Verified
from ragkit.types import Answer, Filters, Message, Reason, Verdict

__all__ = [
    "AnswerDiff",
    "AnswerSummary",
    "Complaint",
    "Conversation",
    "ConversationView",
    "Feedback",
    "Forgotten",
    "Rating",
    "Replay",
    "Said",
    "Shown",
    "Trace",
    "read_place",
]

Rating = Literal["up", "down"]
Complaint = Literal["wrong", "incomplete", "outdated", "wrong_source", "refused", "unclear", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Questions and answers that belong together, without their texts."""

    id: str
    title: str
    """As it was named, else its first question."""
    collection: str
    messages: int
    created_at: datetime
    updated_at: datetime
    """When it was last answered in."""
    branch_of: str | None = None
    """The conversation that it began as a copy of."""

    @property
    def place(self) -> str:
        """Where it stands in a list: what comes after it, whatever is answered in it meanwhile."""
        return f"{self.id}@{self.updated_at.isoformat()}"


def read_place(place: str) -> tuple[str, datetime | None]:
    """A conversation's id, and when it was answered in where that is told: it may have been again since.

    Raises:
        InputError: It is no place.
    """
    key, _, moment = place.partition("@")
    try:
        return key, datetime.fromisoformat(moment).astimezone(UTC) if moment else None
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{place!r} is no place in a list.", hint="Take `ID` or `ID@TIME`, as a list has them."
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of a conversation."""

    id: int
    message: Message
    trace_id: str | None
    """Of the answer that it is, or is the question of; none in conversations from before this was kept."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationView:
    """A conversation with its messages, oldest first."""

    conversation: Conversation
    messages: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What forgetting a conversation erased."""

    conversation_ids: tuple[str, ...]
    messages: int
    answers: int
    branches: tuple[str, ...]
    """Conversations that began as a copy of it and are still there, with what they copied."""
    deleted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A source as the model saw it, without its text: that is in the document, as long as that is there."""

    number: int
    document_id: str
    uri: str
    title: str
    heading: str
    page: int | None
    chunk_id: str
    start: int
    end: int
    sha256: str
    """Of its text."""
    passages: tuple[str, ...] = ()
    """Ids of all that it is made of, in the order of the text; `chunk_id` is the best of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The record of one answer: enough to see why it says what it says, and to answer again."""

    id: str
    question: str
    standalone_question: str
    collection: str
    generation: int
    hits: tuple[tuple[str, float], ...]
    """(chunk id, score), best first."""
    answer: Answer
    stages_ms: Mapping[str, float]
    created_at: datetime
    sources: tuple[Shown, ...] = ()
    verdicts: tuple[Verified, ...] = ()
    """Of the sentences of the answer, in their order."""
    prompt_sha256: str | None = None
    """Of the template."""
    rendered_sha256: str | None = None
    """Of what the model was sent; none where none was asked."""
    parameters: Mapping[str, int | float | str | None] = field(default_factory=dict)
    """What the model and the assembly of its prompt were given."""
    filters: Filters | None = None
    access: tuple[str, ...] | None = None
    """Tags of who asked; none for an operator."""
    mmr: float | None = None
    replay_of: str | None = None
    """The record of the answer that was asked for again."""
    query: str = ""
    """What was searched for."""
    with_texts: bool = True
    """Whether what was asked and answered was kept (`RAGKIT_STORE_TEXTS`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSummary:
    """A record of an answer, in a line."""

    id: str
    conversation_id: str
    collection: str
    question: str
    model: str
    prompt: str
    """NAME@VERSION."""
    abstained: bool
    reason: Reason | None
    verdicts: Mapping[Verdict, int]
    """How many citations have which."""
    cost_usd: float | None
    took_ms: float
    created_at: datetime
    replay_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDiff:
    """How two answers differ; pairs are (before, after)."""

    a: str
    b: str
    same_question: bool
    text: str
    """Unified diff of the answers, a sentence a line; empty when they are equal."""
    citations_added: tuple[str, ...]
    """Quotes with their documents, `uri: quote`."""
    citations_removed: tuple[str, ...]
    verdicts: tuple[Mapping[Verdict, int], Mapping[Verdict, int]]
    abstained: tuple[bool, bool]
    model: tuple[str, str]
    prompt: tuple[str, str]
    generation: tuple[int, int]
    rendered_alike: bool
    """Whether the models were sent the same."""
    hits_shared: float
    """Of what was found for either, the share that was found for both."""
    tokens: tuple[int, int]
    cost_usd: tuple[float | None, float | None]
    took_ms: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """An answer that was asked for again, and what is different."""

    trace: Trace
    diff: AnswerDiff


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What somebody said of an answer, or of one of its citations."""

    id: str
    answer_id: str
    """The `trace_id` of the answer."""
    collection: str
    question: str
    cited: tuple[str, ...]
    """Uris of the documents that the answer cites; of a citation its own."""
    citation: int | None
    """The place of the citation in the answer's list, from 0; none where the whole answer is meant."""
    rating: Rating
    reasons: tuple[Complaint, ...]
    comment: str
    correction: str
    """What should have been answered."""
    created_at: datetime
    updated_at: datetime
