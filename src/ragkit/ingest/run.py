"""One run: every file that was found is decided on, parsed, judged, chunked and handed to the index.

What a container holds (an archive, an e-mail) is recorded before its container goes live, so that a crash in between
leaves documents that are known and not settled, which the next run takes up again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import ParseFailed, RagkitError
from ragkit.history import FilterVerdict
from ragkit.index.generations import Generation
from ragkit.index.ledger import Attempt, Known
from ragkit.index.means import document_means
from ragkit.ingest.changes import FORESEEN, Change, Changes, Found, Profile
from ragkit.ingest.drafts import Draft, draft_of, enriched, restored
from ragkit.ingest.indexing import IndexWriter
from ragkit.ingest.isolation import ParsedFile
from ragkit.ingest.outliers import Spread, judge_place, spread
from ragkit.ingest.parsers import CONTAINERS
from ragkit.ingest.parts import IngestParts
from ragkit.ingest.quality import judge
from ragkit.ingest.report import Tally

if TYPE_CHECKING:
    from ragkit.protocols import Matrix

__all__ = ["Run"]

_TOGETHER = 64
"""Files that are decided on, and recorded, at a time."""

Task = tuple["_Work", Path | bytes, str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A file that is to be processed, as the document that it is."""

    change: Change
    known: Known
    attempt: Attempt


class Run:
    """Ingests what was found into one generation.

    Args:
        parts: What the write path is made of.
        generation: Where documents go.
        profile: How they are processed.
        known: What the catalog had when the run began, by uri.
        changes: Tells what has changed.
        tally: Counts the outcomes.
    """

    def __init__(
        self,
        parts: IngestParts,
        generation: Generation,
        *,
        profile: Profile,
        known: Mapping[str, Known],
        changes: Changes,
        tally: Tally,
    ) -> None:
        self._parts = parts
        self._generation = generation
        self._profile = profile
        self._known = known
        self._changes = changes
        self._tally = tally
        self._kept = parts.retained.kept(generation)
        self._children: dict[str, list[Known]] = {}
        for there in known.values():
            if there.parent_id:
                self._children.setdefault(there.parent_id, []).append(there)
        self._inside: deque[Found] = deque()
        self._spread: Spread | None = None
        self._unplaced: dict[str, _Work] = {}
        """What is held against the collection once its vectors are there, by document id."""
        self._writer: IndexWriter | None = None
        self._seen: list[str] = []
        self.moved: set[str] = set()
        """Ids of documents that were found under another uri."""
        self.orphans: list[str] = []
        """Ids of documents that their container holds no more."""

    def ingest(self, found: Iterable[Found]) -> None:
        """Process files; when it returns, all that can be is live."""
        waiting = iter(found)
        try:
            while True:
                for work, file in self._parts.parsers.parse_all(self._tasks(waiting)):
                    self._take(work, file)
                if not self._inside:
                    break
            if self._writer is not None:
                self._writer.finish()
        finally:
            if self._writer is not None:
                self._tally.embedded = self._writer.embedded
                self._writer.close()
        self._parts.ledger.seen(self._seen)

    def _tasks(self, waiting: Iterator[Found]) -> Iterator[Task]:
        """What is to be parsed; what was found inside files comes first, so that it is not kept for long."""
        while batch := self._next(waiting):
            for work in self._decide(batch):
                key = (work.known.document_id, work.change.sha256, work.change.fingerprint)
                # A container is read again: what is in it may be gone, and is not kept with it.
                version_id = None if work.change.parser in CONTAINERS else self._kept.get(key)
                stored = None if version_id is None else self._parts.retained.load(version_id)
                if stored is None:
                    yield work, work.change.found.content, work.change.found.name, work.change.found.options
                else:
                    self._add(restored(stored, known=work.known, attempt=work.attempt))

    def _next(self, waiting: Iterator[Found]) -> list[Found]:
        batch = [self._inside.popleft() for _ in range(min(len(self._inside), _TOGETHER))]
        return batch or list(islice(waiting, _TOGETHER))

    def _decide(self, batch: list[Found]) -> list[_Work]:
        """Settle what needs no processing, and record what does."""
        changes: list[Change] = []
        for found in batch:
            try:
                change = self._changes.of(found)
            except RagkitError as error:
                self._fail(found, self._known.get(found.uri), error)
                continue
            if change.kind == "moved" and change.known and not self._move(change.known, found):
                change = replace(change, kind="new", known=None)  # another writer has recorded the file meanwhile
            if not self._settled(change):
                changes.append(change)
        findings = [change.found.finding() for change in changes if change.known is None]
        recorded = self._parts.ledger.find(self._generation, findings) if findings else {}
        return [self._work(change, change.known or recorded[change.found.uri]) for change in changes]

    def _work(self, change: Change, known: Known) -> _Work:
        self._allow(known, change.found)
        attempt = Attempt(
            document_id=known.document_id,
            sha256=change.sha256,
            parser=change.parser,
            chunker=self._profile.chunker.name,
        )
        attempt.reached("found")
        return _Work(change=change, known=known, attempt=attempt)

    def _settled(self, change: Change) -> bool:
        """Whether a file needs no processing; then it is counted."""
        known = change.known
        if known is None or change.kind in ("new", "changed"):
            return False
        for one in self._family(known):
            self._allow(one, change.found)
            if change.kind != "held" and (one is known or one.state == "live"):
                self._seen.append(one.document_id)
            self._tally.found += one is not known
            held = one is not known and one.state == "quarantined"
            self._tally.count("quarantined" if held else FORESEEN[change.kind], one.uri)
        return True

    def _move(self, known: Known, found: Found) -> bool:
        if moved := self._parts.ledger.move(self._generation, known.document_id, found.uri):
            self.moved.update(one.document_id for one in self._family(known))
        return moved

    def _family(self, known: Known) -> Iterator[Known]:
        yield known
        for child in self._children.get(known.document_id, ()):
            yield from self._family(child)

    def _allow(self, known: Known, found: Found) -> None:
        if known.access != found.access:
            self._parts.ledger.set_access(known.document_id, found.access)

    def _take(self, work: _Work, file: ParsedFile | RagkitError) -> None:
        """Judge and chunk what was parsed."""
        found, attempt = work.change.found, work.attempt
        if isinstance(file, RagkitError):
            self._fail(found, work.known, file, attempt)
            return
        attempt.sha256 = file.sha256
        attempt.reached("parsed")
        self._open(work, file)
        if (work.known.sha256, work.known.fingerprint) == (file.sha256, work.change.fingerprint):
            self._seen.append(work.known.document_id)  # read again only for what is in it and was not settled
            self._tally.count("unchanged", found.uri)
            return
        parsed = enriched(file.parsed, found.metadata)
        verdicts = judge(parsed, self._profile.filters) if parsed.text else ()
        attempt.reached("checked")
        if work.known.released_sha256 != file.sha256 and not all(verdict.passed for verdict in verdicts):
            self._hold(work, file.sha256, verdicts)
            return
        if parsed.text and self._profile.filters.max_outlier and work.known.released_sha256 != file.sha256:
            self._unplaced[work.known.document_id] = work
        draft = draft_of(
            parsed,
            name=found.name,
            known=work.known,
            attempt=attempt,
            sha256=file.sha256,
            size=file.size,
            fingerprint=work.change.fingerprint,
            chunker=self._profile.chunker,
            generation=self._generation,
            verdicts=verdicts,
        )
        attempt.reached("chunked")
        self._add(draft)

    def _open(self, work: _Work, file: ParsedFile) -> None:
        """Record what a container holds, to be processed next, and what it holds no more."""
        before = {child.uri: child for child in self._children.get(work.known.document_id, ())}
        inside = [
            work.change.found.inside(attachment.name, attachment.data, work.known.document_id)
            for attachment in file.parsed.attachments
        ]
        self.orphans += [child.document_id for uri, child in before.items() if uri not in {f.uri for f in inside}]
        if not inside:
            return
        self._tally.found += len(inside)
        self._parts.ledger.find(self._generation, [found.finding() for found in inside])
        for found in inside:
            if found.depth > self._parts.max_depth:
                limit = f"more than {self._parts.max_depth} deep (RAGKIT_MAX_DEPTH)"
                self._fail(found, before.get(found.uri), ParseFailed(f"{found.name!r} lies in containers {limit}."))
            else:
                self._inside.append(found)

    def _hold(self, work: _Work, sha256: str, verdicts: tuple[FilterVerdict, ...]) -> None:
        """Put it in quarantine, with its bytes, so that it can be released also when its source is gone."""
        try:
            data = work.change.found.read(self._parts.max_bytes)
        except RagkitError as error:  # it has gone, or its server does not answer any more
            self._fail(work.change.found, work.known, error, work.attempt)
            return
        if self._parts.files.put(data) != sha256:
            work.attempt.sha256 = None  # it is being written at this moment; the next run judges it again
        reason = "; ".join(verdict.detail for verdict in verdicts if not verdict.passed)
        self._parts.ledger.hold(work.attempt, work.change.fingerprint, reason)
        self._tally.hold(work.change.found.uri, reason)

    def _fail(self, found: Found, known: Known | None, error: RagkitError, attempt: Attempt | None = None) -> None:
        self._tally.fail(found.uri, error)
        for one in self._family(known) if known is not None else ():
            self._allow(one, found)  # what answered before goes on answering, and no longer to whom it is closed now
        if known is not None and (known.state, known.reason) == ("failed", error.detail):
            return
        if known is None:
            known = self._parts.ledger.find(self._generation, [found.finding()])[found.uri]
        self._parts.ledger.fail(attempt or Attempt(document_id=known.document_id), error.detail)

    def _add(self, draft: Draft) -> None:
        if self._writer is None:
            self._writer = self._parts.writer(self._generation, on_live=self._live, admit=self._admit)
        self._writer.add(draft)

    def _admit(self, draft: Draft, rows: Matrix) -> Draft | None:
        """Hold back what has nothing to do with the rest of the collection, where the filters ask for it."""
        work = self._unplaced.pop(draft.known.document_id, None)
        if work is None:
            return draft
        if self._spread is None:
            self._spread = spread(document_means(self._parts.database, self._generation))
        verdict = judge_place(rows, self._spread, self._profile.filters.max_outlier)
        judged = replace(draft, verdicts=(*draft.verdicts, verdict))
        if verdict.passed:
            return judged
        self._hold(work, draft.sha256, judged.verdicts)
        return None

    def _live(self, draft: Draft, switched: bool) -> None:
        self._tally.chunks += len(draft.chunks)
        self._tally.embedded = self._writer.embedded if self._writer else 0
        spoken = draft.parsed.metadata.get("language", "").partition("-")[0].lower()
        if self._parts.languages and len(spoken) == 2 and spoken not in self._parts.languages:
            self._tally.unread[spoken] += switched
        # Where another writer was faster, the document answers from that writer's version.
        self._tally.count(("updated" if draft.known.sha256 else "added") if switched else "unchanged", draft.uri)
