"""The core values, which are also what travels over HTTP.

Frozen, keyword-only dataclasses: FastAPI serves them and `pydantic.TypeAdapter` reads them back, so there is no second
set of transfer objects. Offsets count Unicode code points; spans are half-open; times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

from ragkit.history import Attempt, FilterVerdict
from ragkit.prompting import Example, PromptRef, PromptVersion
from ragkit.verdicts import BUILT_IN, Evidence, Note, Reason, Verdict

__all__ = [
    "MOST_CONDITIONS",
    "Answer",
    "Chunk",
    "Citation",
    "Collection",
    "Difference",
    "Document",
    "DocumentState",
    "DocumentView",
    "Evidence",
    "Example",
    "Failure",
    "Filters",
    "Hit",
    "IngestReport",
    "Job",
    "JobProgress",
    "JobState",
    "Message",
    "Mode",
    "Note",
    "PromptRef",
    "PromptVersion",
    "Range",
    "Reason",
    "Receipt",
    "SearchResult",
    "Section",
    "Usage",
    "Verdict",
    "VerifyReport",
]

Mode = Literal["hybrid", "dense", "keyword", "hybrid+rerank"]
DocumentState = Literal["found", "live", "quarantined", "failed", "withdrawn"]
JobState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]


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
    """Why the newest attempt failed or is in quarantine, where it is."""
    created_at: datetime
    updated_at: datetime
    parent_id: str | None = None
    """The archive or e-mail that it was found in."""
    access: tuple[str, ...] = ()
    seen_at: datetime | None = None
    """When a run last found it unchanged."""

    @property
    def place(self) -> str:
        """Where it stands in a list, whatever becomes of it meanwhile."""
        return f"{self.collection}/{self.uri}"


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
class Section:
    """Neighbouring passages of one document that stand under the same headings."""

    passages: tuple[Chunk, ...]
    """In the order of the text."""
    start: int
    """Where the text of the first one begins in the document."""
    text: str
    """Of the document, up to the end of the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A document with its text and, on request, its chunks."""

    document: Document
    text: str
    chunks: tuple[Chunk, ...] = ()
    warnings: tuple[str, ...] = ()
    """What its parser could not read."""
    verdicts: tuple[FilterVerdict, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    """Newest first."""
    near_duplicates: tuple[str, ...] = ()
    """Uris of the documents that say nearly the same."""


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
    untagged: bool = False
    """Whether documents without access tags can be seen by callers that carry some."""


MOST_CONDITIONS = 20
"""On metadata, in one set of filters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Bounds of a value in the metadata of a document, themselves included: numbers, or text as it is sorted."""

    key: str
    at_least: float | str | None = None
    at_most: float | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Narrow a search to some documents; what is left empty does not narrow, and all that is given must hold."""

    document_ids: tuple[str, ...] = ()
    uri_prefix: str | None = None
    media_types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes; the document is in one of them."""
    tags: tuple[str, ...] = ()
    """Of its metadata's `tags` the document has all of these."""
    since: str | None = None
    """The first day of the document's own date: `2026-03-01`, `2026-03` or `2026`."""
    until: str | None = None
    """The last day, month or year of it."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Keys with the value that the document's metadata has."""
    ranges: tuple[Range, ...] = ()


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
    also_in: tuple[str, ...] = ()
    """Uris of the other documents that hold the same passage under the same headings."""


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
    checked_by: str = BUILT_IN
    """What decided on the verdict: the built-in check, or a stronger one by the name of its model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an answer used of the model."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None when the price of the model is not known."""
    prices: str | None = None
    """The version of the price table that this was reckoned with."""
    cached: bool = False
    """Whether this is the repetition of an earlier answer, and no model was asked."""

    def __add__(self, other: Usage) -> Usage:
        unknown = self.cost_usd is None or other.cost_usd is None
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=None if unknown else (self.cost_usd or 0.0) + (other.cost_usd or 0.0),
            prices=self.prices or other.prices,
            cached=self.cached or other.cached,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A cited answer, or a refusal (`abstained`) with its reason.

    The reason `conflicting_sources` is no refusal: it names both sides.
    """

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
    citation_precision: float | None = None
    """The share of the citations that support what they are cited for; none without citations."""
    coverage: float | None = None
    """The share of the sentences that cite something which supports them; none without sentences."""
    notes: tuple[Note, ...] = ()
    fallback: str | None = None
    """Why `model` is not the first of `RAGKIT_LLM`, where it is not."""
    evidence: Evidence | None = None
    """None where a rule decided, such as that nothing was found, or where it was not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation, or of a rendered prompt."""

    role: Literal["system", "user", "assistant"]
    text: str


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
    quarantined_files: tuple[Failure, ...] = ()
    """Those that this run put in quarantine, with what the filters said."""
    chunks: int = 0
    embedded: int = 0
    """Texts that the embedder was called for; equal text is never embedded twice."""
    warnings: tuple[str, ...] = ()
    """What holds for many documents, once each, such as a language that the embedder does not know."""
    seconds: float = 0.0

    def __add__(self, other: IngestReport) -> IngestReport:
        names = [part.name for part in fields(self)]
        return IngestReport(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far a job is: counted, never timed."""

    found: int = 0
    done: int = 0
    chunks: int = 0
    embedded: int = 0
    failed: int = 0
    uri: str = ""
    """The document that was finished last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of durable work."""

    id: str
    kind: Literal["ingest", "pipeline"]
    """An uploaded file, or a run of a pipeline."""
    state: JobState
    collection: str
    uri: str
    """Of the uploaded document; of a pipeline what the uris of its documents begin with, `NAME/`."""
    report: IngestReport | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    progress: JobProgress | None = None
    detail: str | None = None
    """What it waits for, where it waits."""


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
