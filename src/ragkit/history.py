"""The values that tell the history of a corpus: attempts on documents, verdicts of quality filters, snapshots.

Wire types like those in `ragkit.types`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["Attempt", "FilterVerdict", "Reindexed", "Rollback", "Snapshot", "SnapshotDiff", "SnapshotEntry", "Step"]

Step = Literal["found", "parsed", "checked", "chunked", "embedded", "indexed", "live", "quarantined", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterVerdict:
    """What one quality filter says of one document."""

    filter: str
    """The key of `[filters]` in the pipeline file that holds its threshold."""
    passed: bool
    value: float | None
    """None where there is too little to measure; that passes."""
    threshold: float
    detail: str
    """For people: what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One time that a document was processed."""

    version: str | None
    """SHA-256 of the bytes; none when they could not be read."""
    parser: str
    chunker: str
    steps: tuple[tuple[Step, datetime], ...]
    outcome: str | None
    """None when it was broken off, or is under way."""
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a collection answered from after a run that changed something."""

    collection: str
    number: int
    documents: int
    sha256: str
    """Of its manifest: one line `uri`, `document_id`, `version`, `processing`, `generation` a document, with tabs."""
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry:
    """A document as it stands in a snapshot."""

    uri: str
    document_id: str
    version: str
    """SHA-256 of the bytes."""
    processing: str
    """Parser, chunker and profile."""
    generation: int
    kept: bool
    """Whether the version is still there, so that a rollback can bring it back."""
    erased_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotDiff:
    """How the documents of two snapshots differ, as uris."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    moved: tuple[tuple[str, str], ...]
    """(before, after)."""
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What a rollback did."""

    snapshot: Snapshot
    """The new one, which it made."""
    restored: int
    withdrawn: int
    """Documents that answer no longer; they come back when a run finds them again."""
    deleted: tuple[str, ...]
    """Uris of documents of the earlier snapshot that were deleted since, and stay so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindexed:
    """What a reindex did to a collection."""

    collection: str
    generation: int
    """The number of the one that answers now."""
    before: int
    """The number of the one that answered before, and is kept."""
    embedder: str
    chunking: str
    """`TOKENS/OVERLAP/STRATEGY` where a reindex chose it, else empty."""
    documents: int
    """Built, among them those that changed meanwhile."""
    embedded: int
    """Texts that the embedder was called for; equal text is never embedded twice."""
    quality_before: float | None
    """Mean reciprocal rank of the sources of the golden questions in the generation before, where it was measured."""
    quality: float | None
    seconds: float
