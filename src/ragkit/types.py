"""The core values, which are also what travels over HTTP.

Frozen, keyword-only dataclasses: FastAPI serves them and `pydantic.TypeAdapter` reads them back, so there is no second
set of transfer objects. Offsets count Unicode code points; spans are half-open; times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

__all__ = [
    "Accepted",
    "Answer",
    "Chunk",
    "Citation",
    "Cited",
    "Collection",
    "Difference",
    "Document",
    "DocumentState",
    "DocumentView",
    "Done",
    "Event",
    "Failed",
    "Failure",
    "Filters",
    "Heading",
    "Hit",
    "IngestReport",
    "Job",
    "JobState",
    "Message",
    "Mode",
    "Page",
    "Parsed",
    "Piece",
    "PromptRef",
    "PromptVersion",
    "Reason",
    "Receipt",
    "Retrieved",
    "SearchResult",
    "Token",
    "Trace",
    "Usage",
    "Verdict",
    "Verified",
    "VerifyReport",
]

Mode = Literal["hybrid", "dense", "keyword", "hybrid+rerank"]
Verdict = Literal["supported", "partly", "unsupported", "contradicted"]
DocumentState = Literal["found", "live", "failed"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
Reason = Literal["no_evidence", "off_topic", "conflicting_sources", "underspecified", "blocked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page or slide: `text[start:end]` of the document."""

    number: int
    """As printed by a viewer, from 1."""
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading; its section runs to the next heading of the same or a higher level."""

    level: int
    """1 is the highest."""
    title: str
    start: int
    """Where the heading line begins in the document's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What the catalog knows of one document, without its text."""

    id: str
    collection: str
    uri: str
    """Identity within the collection: `<pipeline source>/<path>`, `file://…` or `upload://…`."""
    title: str
    media_type: str
    state: DocumentState
    version: str | None
    """SHA-256 of the bytes that answer now; none before the first success."""
    size: int
    """Bytes."""
    pages: int
    chunks: int
    metadata: Mapping[str, str]
    reason: str | None
    """Why the newest attempt failed, where it did."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage: `document.text[start:end] == text`, always."""

    chunk_id: str
    start: int
    end: int
    page: int | None
    heading: str
    """The headings above it, outermost first, joined by ` > `; empty when there are none."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A document with its text and, on request, its chunks."""

    document: Document
    text: str
    chunks: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a deletion removed."""

    document_id: str
    uri: str
    chunks: int
    deleted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A set of documents that is searched together, with the generation that serves it."""

    name: str
    documents: int
    chunks: int
    generation: int
    embedder: str
    dimension: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Narrow a search to some documents; what is left empty does not narrow."""

    document_ids: tuple[str, ...] = ()
    uri_prefix: str | None = None
    media_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that was found, best first."""

    rank: int
    score: float
    """Comparable within one result only."""
    via: tuple[str, ...]
    """Which parts found it: `dense`, `keyword`, `rerank`."""
    document_id: str
    uri: str
    title: str
    page: int | None
    heading: str
    chunk_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Hits for a query, best first."""

    query: str
    hits: tuple[Hit, ...]
    took_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A passage that an answer points at, checked: `document.text[start:end] == quote`."""

    marker: int
    """The `[n]` in the answer's text."""
    document_id: str
    uri: str
    title: str
    page: int | None
    heading: str
    chunk_id: str
    start: int
    end: int
    quote: str
    verdict: Verdict
    score: float
    """How well the quote supports the sentence that cites it, 0 to 1."""
    supported: bool
    """`verdict == "supported"`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRef:
    """Which version of a prompt an answer was made with."""

    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an answer used of the model."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None when the price of the model is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A cited answer, or a refusal (`abstained`) with its reason."""

    answer: str
    citations: tuple[Citation, ...]
    abstained: bool
    reason: Reason | None
    prompt: PromptRef
    model: str
    usage: Usage
    trace_id: str
    conversation_id: str
    took_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation, or of a rendered prompt."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVersion:
    """An immutable version of a prompt; aliases such as `production` point at one version each."""

    name: str
    version: int
    template: str
    variables: tuple[str, ...]
    sha256: str
    note: str
    created_at: datetime
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The record of one answer: enough to see why it says what it says."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be ingested."""

    uri: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What a run did; `found` is the sum of the outcomes of what was found."""

    found: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    deleted: int = 0
    quarantined: int = 0
    skipped: int = 0
    """Files of a kind that no parser reads; `skipped_files` names them."""
    failed: tuple[Failure, ...] = ()
    skipped_files: tuple[Failure, ...] = ()
    chunks: int = 0
    embedded: int = 0
    """Texts that the embedder was called for; equal text is never embedded twice."""
    seconds: float = 0.0

    def __add__(self, other: IngestReport) -> IngestReport:
        names = [part.name for part in fields(self)]
        return IngestReport(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of durable work."""

    id: str
    kind: Literal["ingest"]
    state: JobState
    collection: str
    uri: str
    report: IngestReport | None
    error: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that the stores do not agree on."""

    kind: str
    collection: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """How catalog, vectors, keywords and files compare."""

    consistent: bool
    """True when nothing differs, or all of it was repaired."""
    documents: int
    chunks: int
    differences: tuple[Difference, ...]
    repaired: int
    seconds: float


# The events of a streamed answer, in the order in which they can come.


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The question was accepted; the identifiers to find the answer by."""

    trace_id: str
    conversation_id: str
    event: Literal["accepted"] = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """The passages that the answer may use, numbered from 1 in this order."""

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
    event: Literal["verdict"] = "verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The whole answer; always the last event of a success."""

    answer: Answer
    event: Literal["done"] = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The answer broke off; `code` and `hint` are those of the error."""

    code: str
    detail: str
    hint: str | None
    trace_id: str
    event: Literal["error"] = "error"


Event = Accepted | Retrieved | Token | Cited | Verified | Done | Failed

NO_METADATA: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a parser makes of a file: one text, and spans over it."""

    text: str
    title: str
    media_type: str
    pages: tuple[Page, ...] = ()
    headings: tuple[Heading, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=lambda: NO_METADATA)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Where a chunker cuts: `text[start:end]`, its page and heading path, and its length in the embedder's tokens."""

    start: int
    end: int
    page: int | None
    heading: str
    tokens: int
