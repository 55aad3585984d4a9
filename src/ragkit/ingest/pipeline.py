"""The write path: bring files into a collection, take documents out, and go back to an earlier snapshot."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ragkit.errors import Conflict, NotFound, RagkitError
from ragkit.history import Rollback
from ragkit.index.generations import Generation, Superseded
from ragkit.index.ledger import Attempt, Known
from ragkit.ingest import prune as pruning
from ragkit.ingest.changes import FORESEEN, Changes, Found, Profile
from ragkit.ingest.drafts import rebuilt, restored
from ragkit.ingest.parts import IngestParts
from ragkit.ingest.reindex import Reindexer
from ragkit.ingest.report import Progress, Tally, continued
from ragkit.ingest.run import Run
from ragkit.ingest.sources import Item
from ragkit.store.engine import now
from ragkit.types import IngestReport, Receipt

__all__ = ["Ingestor"]

_ERASED_AT_ONCE = 200
"""Documents in one transaction; others wait for it."""


class Ingestor:
    """Brings files into collections, and takes documents out again.

    Args:
        parts: What the write path is made of.
        profile: How files are processed where a run says nothing else.
    """

    def __init__(self, parts: IngestParts, profile: Profile) -> None:
        self._parts = parts
        self._profile = profile

    def run(
        self,
        collection: str,
        items: Sequence[Item],
        *,
        roots: Sequence[str] = (),
        prune: bool = False,
        force: bool = False,
        dry_run: bool = False,
        profile: Profile | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> IngestReport:
        """Ingest files into a collection; one bad file never stops the run.

        Args:
            collection: Made when it does not exist.
            items: What was found.
            roots: The uris that the items lie below: what was known there and not found has gone or moved.
            prune: Remove what has gone.
            force: Also when it is more than a fifth of what is known there.
            dry_run: Only count what would happen.
            profile: How the files are processed.
            on_progress: Called after each document.

        Raises:
            Conflict: The collection was built with another embedder, or too much has gone to be pruned.
            StorageError: The disk or a store refused; what was committed stays.
        """
        profile = profile or self._profile
        tally = Tally(found=len(items), on_progress=on_progress)
        if dry_run:
            return self._foresee(collection, items, tally, profile=profile, roots=roots, prune=prune)
        generation = self._parts.collections.ensure(collection, self._parts.embedder.spec)
        try:
            self._ingest(generation, items, tally, profile=profile, roots=roots, prune=prune, force=force)
        except Superseded:  # a reindex has switched generations: what is left goes into the one that answers now
            self._parts.generations.check(generation)
            rest = self.run(
                collection, items, roots=roots, prune=prune, force=force, profile=profile, on_progress=on_progress
            )
            return continued(tally.report(), rest)
        return tally.report()

    def _ingest(
        self,
        generation: Generation,
        items: Sequence[Item],
        tally: Tally,
        *,
        profile: Profile,
        roots: Sequence[str],
        prune: bool,
        force: bool,
    ) -> None:
        parts, there = self._parts, {item.uri for item in items}
        profile = replace(profile, chunker=parts.chunker_for(generation, profile.chunker))
        known = parts.ledger.known(generation)
        changes = Changes(known, profile=profile, roots=roots, found=there, max_bytes=parts.max_bytes)
        if parts.catalog.erasing(generation):
            self.purge(generation)
        self._forget(generation, parts.versions.left_behind)
        run = Run(parts, generation, profile=profile, known=known, changes=changes, tally=tally)
        try:
            run.ingest(map(Found.of, items))
        finally:
            if run.orphans:
                tally.deleted += len(self._erase(generation, run.orphans))
        try:
            if prune:
                tally.deleted += self._prune(generation, known, there, roots, run.moved, force=force)
        finally:  # also where too much has gone: what was new or changed is in
            parts.retained.expire(generation, now() - parts.retention)
            parts.snapshots.record(generation)

    def delete(self, generation: Generation, document_ids: Sequence[str]) -> list[Receipt]:
        """Erase documents, their earlier versions and every trace of their text."""
        receipts = self._erase(generation, document_ids)
        self._parts.snapshots.record(generation)
        return receipts

    def release(
        self, document_id: str, *, profile: Profile | None = None, options: Mapping[str, str] | None = None
    ) -> IngestReport:
        """Let a document out of quarantine: it is ingested whatever the filters say of these bytes.

        Args:
            document_id: Which one.
            profile: How its pipeline processes files.
            options: For the parser, as its pipeline has them.

        Raises:
            NotFound: No document has this id.
            Conflict: It is not in quarantine.
        """
        parts = self._parts
        view = parts.catalog.view(document_id)
        known = parts.ledger.one(document_id)
        if known is None:
            raise NotFound(f"There is no document {document_id!r}.")
        if known.held is None:
            raise Conflict(
                f"The document {document_id!r} is {known.state}, not quarantined.",
                hint="`ragkit documents list --state quarantined` shows those that are.",
            )
        name = known.uri.rpartition("/")[2]
        with parts.files.at_hand(known.held[0]) as path:
            parts.ledger.release(document_id)
            item = Item(uri=known.uri, path=path, name=name, options=options or {}, access=known.access)
            return self.run(view.document.collection, [item], profile=profile)

    def roll_back(self, collection: str, number: int) -> Rollback:
        """Answer from the documents of an earlier snapshot again; nothing is parsed or embedded.

        Raises:
            NotFound: There is no such collection or snapshot.
            Conflict: A version of it is past its retention.
        """
        parts = self._parts
        generation = parts.collections.get(collection)
        target = {row.document_id: row for row in parts.snapshots.rows(generation, number)}
        live = {row.document_id: row for row in parts.snapshots.rows(generation, None)}
        known = {there.document_id: there for there in parts.ledger.known(generation).values()}
        made_from = parts.generations.made_from(generation)
        same = {key: {row.version_id, made_from.get(row.version_id)} - {None} for key, row in live.items()}
        wanted = {
            key: row for key, row in target.items() if row.erased_at is None and row.version_id not in same.get(key, ())
        }
        if expired := [row.uri for row in wanted.values() if row.version_id is None]:
            raise Conflict(
                f"{len(expired)} documents of snapshot {number} are past their retention, such as {expired[0]!r}.",
                hint="Choose a later snapshot; RAGKIT_RETENTION_DAYS says how long versions are kept.",
            )
        try:
            self._restore(generation, [(known[key], row.version_id) for key, row in wanted.items()])
        except Superseded as error:
            raise Conflict(f"A reindex of {collection!r} has switched meanwhile.", hint="Run it again.") from error
        surplus = [key for key in live if key not in target]
        if surplus:
            self._forget(generation, partial(parts.versions.withdraw, document_ids=surplus))
        made = parts.snapshots.record(generation, note=f"Rolled back to snapshot {number}.")
        return Rollback(
            snapshot=made or parts.snapshots.list(generation)[0],
            restored=len(wanted),
            withdrawn=len(surplus),
            deleted=tuple(row.uri for row in target.values() if row.erased_at is not None),
        )

    def _restore(self, generation: Generation, wanted: Sequence[tuple[Known, int]]) -> None:
        if not wanted:
            return
        parts = self._parts
        cut = None if generation.chunking is None else parts.chunker_for(generation, self._profile.chunker)
        with parts.writer(generation) as writer:
            for known, version_id in wanted:
                if stored := parts.retained.load(version_id):
                    attempt = Attempt(document_id=known.document_id, sha256=stored.sha256)
                    attempt.reached("found")
                    if stored.generation_id == generation.id:
                        writer.add(restored(stored, known=known, attempt=attempt))
                    else:
                        writer.add(rebuilt(stored, known=known, attempt=attempt, generation=generation, chunker=cut))

    def _foresee(
        self,
        collection: str,
        items: Sequence[Item],
        tally: Tally,
        *,
        profile: Profile,
        roots: Sequence[str],
        prune: bool,
    ) -> IngestReport:
        """Count what a run would do, as far as that can be known without parsing."""
        parts, found = self._parts, [Found.of(item) for item in items]
        there, known = {one.uri for one in found}, {}
        with contextlib.suppress(NotFound):  # a new collection has nothing yet
            generation = parts.collections.get(collection)
            known = parts.ledger.known(generation)
            if generation.chunking is not None:
                profile = replace(profile, chunker=parts.chunker_for(generation, profile.chunker))
        changes = Changes(known, profile=profile, roots=roots, found=there, max_bytes=parts.max_bytes)
        moved: set[str] = set()
        for one in found:
            try:
                change = changes.of(one)
            except RagkitError as error:
                tally.fail(one.uri, error)
                continue
            if change.kind == "moved" and change.known:
                moved.add(change.known.document_id)
            tally.count(FORESEEN[change.kind], one.uri)
        gone = pruning.vanished(_outermost(known, moved), there, roots if prune else ())
        for uri in gone:
            tally.foresee_deletion(uri)
        return tally.report()

    def _prune(
        self,
        generation: Generation,
        known: dict[str, Known],
        there: set[str],
        roots: Sequence[str],
        moved: set[str],
        *,
        force: bool,
    ) -> int:
        candidates = _outermost(known, moved)
        gone = pruning.vanished(candidates, there, roots)
        pruning.check(len(gone), sum(pruning.covers(roots, uri) for uri in candidates), force=force)
        return len(self._erase(generation, [known[uri].document_id for uri in gone]))

    def _erase(self, generation: Generation, document_ids: Sequence[str]) -> list[Receipt]:
        receipts: list[Receipt] = []
        for start in range(0, len(document_ids), _ERASED_AT_ONCE):  # a crash in between leaves the mark
            erased = self._parts.eraser.remove(generation, document_ids[start : start + _ERASED_AT_ONCE])
            receipts += erased.receipts
            for sha256 in erased.files:
                self._parts.files.delete(sha256)
        if receipts:
            self.purge(generation)
        return receipts

    def reindexer(self) -> Reindexer:
        """What builds other generations of the same collections."""
        return Reindexer(self._parts)

    def purge(self, generation: Generation) -> bool:
        """Make what is derived again without what was deleted: a deletion in place leaves its traces on disk.

        Returns:
            Whether nothing is left; not while another process reads from SQLite's log, which the next run then clears.
        """
        for sha256 in self._parts.files.settled().difference(self._parts.catalog.files()):
            self._parts.files.delete(sha256)
        for each in self._parts.generations.all(generation.collection_id):
            vectors, keywords = self._parts.stores(each)
            with self._parts.turn(each):
                keywords.rebuild(self._parts.catalog.keyword_entries(each))
                vectors.rebuild()
        if cleared := self._parts.database.checkpoint():
            self._parts.eraser.purged(generation)
        return cleared

    def _forget(self, generation: Generation, retired: Callable[[Generation], Sequence[str]]) -> None:
        """Take chunks out of the indexes, which nobody brings back between the question which and their removal."""
        with self._parts.turn(generation):
            if chunk_ids := retired(generation):
                vectors, keywords = self._parts.stores(generation)
                vectors.delete(chunk_ids)
                keywords.update(add=(), delete=chunk_ids)


def _outermost(known: dict[str, Known], moved: set[str]) -> list[str]:
    """Uris of the documents that are no part of another and were not found elsewhere."""
    return [uri for uri, there in known.items() if there.parent_id is None and there.document_id not in moved]
