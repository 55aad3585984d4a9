"""The snapshots of `MemoryRagkit`: one after each upload, deletion and rollback."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ragkit.errors import NotFound
from ragkit.history import Rollback, Snapshot, SnapshotDiff, SnapshotEntry
from ragkit.types import DocumentView

__all__ = ["MemorySnapshots"]

THEN = datetime(2026, 1, 1, tzinfo=UTC)

Manifest = dict[str, tuple[SnapshotEntry, DocumentView | None]]
"""By document; what was deleted has no view any more."""


class MemorySnapshots:
    """Earlier states of collections, with all their documents."""

    def __init__(self, views: dict[str, DocumentView]) -> None:
        self._views = views
        self._taken: dict[str, list[tuple[Snapshot, Manifest]]] = {}

    async def list(self, collection: str | None = None) -> tuple[Snapshot, ...]:
        return tuple(snapshot for snapshot, _ in reversed(self._of(collection)))

    async def show(self, number: int, *, collection: str | None = None) -> tuple[SnapshotEntry, ...]:
        entries = [entry for entry, _ in self._manifest(number, collection).values()]
        return tuple(sorted(entries, key=lambda entry: entry.uri))

    async def diff(self, a: int, b: int, *, collection: str | None = None) -> SnapshotDiff:
        before = {entry.uri: entry.version for entry in await self.show(a, collection=collection)}
        after = {entry.uri: entry.version for entry in await self.show(b, collection=collection)}
        return SnapshotDiff(
            added=tuple(sorted(after.keys() - before.keys())),
            changed=tuple(sorted(uri for uri in before.keys() & after.keys() if before[uri] != after[uri])),
            moved=(),
            removed=tuple(sorted(before.keys() - after.keys())),
        )

    async def rollback(self, number: int, *, collection: str | None = None) -> Rollback:
        name = collection or "default"
        target = self._manifest(number, name)
        wanted = {key: view for key, (_, view) in target.items() if view and self._views.get(key) != view}
        surplus = [key for key, view in self._views.items() if view.document.collection == name and key not in target]
        self._views.update(wanted)
        for key in surplus:
            del self._views[key]
        return Rollback(
            snapshot=self.record(name, f"Rolled back to snapshot {number}."),
            restored=len(wanted),
            withdrawn=len(surplus),
            deleted=tuple(sorted(entry.uri for entry, view in target.values() if view is None)),
        )

    def record(self, collection: str, note: str = "") -> Snapshot:
        """Take a snapshot of a collection."""
        live = {key: view for key, view in self._views.items() if view.document.collection == collection}
        manifest: Manifest = {key: (_entry(view), view) for key, view in live.items()}
        lines = "".join(f"{entry.uri}\t{entry.version}\n" for entry, _ in manifest.values())
        taken = self._taken.setdefault(collection, [])
        snapshot = Snapshot(
            collection=collection,
            number=len(taken) + 1,
            documents=len(manifest),
            sha256=hashlib.sha256(lines.encode()).hexdigest(),
            note=note,
            created_at=THEN,
        )
        taken.append((snapshot, manifest))
        return snapshot

    def erase(self, view: DocumentView) -> None:
        """Leave only a tombstone of a document."""
        key = view.document.id
        for _, manifest in self._taken.get(view.document.collection, []):
            if key in manifest:
                manifest[key] = replace(manifest[key][0], kept=False, erased_at=THEN), None

    def drop(self, collection: str) -> None:
        """Forget a collection."""
        self._taken.pop(collection, None)

    def _of(self, collection: str | None) -> Sequence[tuple[Snapshot, Manifest]]:
        name = collection or "default"
        if name not in self._taken:
            raise NotFound(f"There is no collection {name!r}.")
        return self._taken[name]

    def _manifest(self, number: int, collection: str | None) -> Manifest:
        for snapshot, manifest in self._of(collection):
            if snapshot.number == number:
                return manifest
        raise NotFound(f"The collection {collection or 'default'!r} has no snapshot {number}.")


def _entry(view: DocumentView) -> SnapshotEntry:
    document = view.document
    return SnapshotEntry(
        uri=document.uri,
        document_id=document.id,
        version=document.version or "",
        processing="memory",
        generation=1,
        kept=True,
        erased_at=None,
    )
