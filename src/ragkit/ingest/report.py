"""What a run did so far, and at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, TypedDict

from ragkit.errors import RagkitError, UnsupportedFormat
from ragkit.types import Failure, IngestReport

__all__ = ["Outcome", "Progress", "RunOptions", "Tally", "continued"]

Outcome = Literal["added", "updated", "unchanged", "moved", "quarantined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counted, never timed: what is finished of what was found."""

    found: int
    done: int
    chunks: int
    failed: int
    embedded: int
    uri: str
    """The document that was finished last."""
    outcome: str
    """What became of it."""


class RunOptions(TypedDict, total=False):
    """What a run may be told."""

    collection: str | None
    """Where the documents go."""
    prune: bool
    """Remove documents whose file is gone."""
    force: bool
    """Prune also when more than a fifth is gone."""
    dry_run: bool
    """Only tell what would happen."""
    on_progress: Callable[[Progress], None]
    """Called after each document with what became of it, from another thread."""


def continued(begun: IngestReport, rest: IngestReport) -> IngestReport:
    """The report of a run that was begun once more, which found what it had finished before unchanged."""
    done = begun.added + begun.updated
    return replace(
        rest,
        added=begun.added + rest.added,
        updated=begun.updated + rest.updated,
        unchanged=max(0, rest.unchanged - done),
        chunks=begun.chunks + rest.chunks,
        embedded=begun.embedded + rest.embedded,
        seconds=begun.seconds + rest.seconds,
    )


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts the outcomes of a run; each file that was found has exactly one."""

    found: int
    on_progress: Callable[[Progress], None]
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failed: list[Failure] = field(default_factory=list)
    skipped: list[Failure] = field(default_factory=list)
    held: list[Failure] = field(default_factory=list)
    deleted: int = 0
    chunks: int = 0
    embedded: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    """Documents by language, where the embedder was not trained on it."""
    started: float = field(default_factory=time.monotonic)

    def count(self, outcome: Outcome, uri: str) -> None:
        """Record how a file ended."""
        self.outcomes[outcome] += 1
        self._report_progress(uri, outcome)

    def hold(self, uri: str, reason: str) -> None:
        """Record why a file is in quarantine."""
        self.held.append(Failure(uri=uri, code="quarantined", detail=reason))
        self.count("quarantined", uri)

    def foresee_deletion(self, uri: str) -> None:
        """Record that a run would remove a document."""
        self.deleted += 1
        self._report_progress(uri, "deleted")

    def fail(self, uri: str, error: RagkitError) -> None:
        """Record why a file is not in the index; one that no parser reads is skipped, not failed."""
        failure = Failure(uri=uri, code=error.code, detail=error.detail)
        skipped = isinstance(error, UnsupportedFormat)
        (self.skipped if skipped else self.failed).append(failure)
        self._report_progress(uri, "skipped" if skipped else "failed")

    def report(self) -> IngestReport:
        return IngestReport(
            found=self.found,
            added=self.outcomes["added"],
            updated=self.outcomes["updated"],
            unchanged=self.outcomes["unchanged"],
            moved=self.outcomes["moved"],
            quarantined=self.outcomes["quarantined"],
            deleted=self.deleted,
            skipped=len(self.skipped),
            failed=tuple(self.failed),
            skipped_files=tuple(self.skipped),
            quarantined_files=tuple(self.held),
            chunks=self.chunks,
            embedded=self.embedded,
            warnings=tuple(_unread(language, count) for language, count in sorted(self.unread.items())),
            seconds=round(time.monotonic() - self.started, 3),
        )

    def _report_progress(self, uri: str, outcome: str) -> None:
        done = self.outcomes.total() + len(self.failed) + len(self.skipped)
        self.on_progress(
            Progress(
                found=self.found,
                done=done,
                chunks=self.chunks,
                failed=len(self.failed),
                embedded=self.embedded,
                uri=uri,
                outcome=outcome,
            )
        )


def _unread(language: str, count: int) -> str:
    many = "1 document is" if count == 1 else f"{count} documents are"
    return (
        f"{many} in the language {language!r}, which the embedding model was not trained on: search finds them by "
        "their words more than by their meaning. RAGKIT_EMBEDDER takes a multilingual model."
    )
