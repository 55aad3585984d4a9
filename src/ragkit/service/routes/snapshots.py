"""`/v1/snapshots`: what a collection answered from earlier, and going back to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from typing_extensions import TypedDict

from ragkit.history import Rollback, Snapshot, SnapshotDiff, SnapshotEntry
from ragkit.service.deps import Body, KitToEdit, KitToOperate, Name
from ragkit.service.pages import Before, Limit, page

__all__ = ["SnapshotRollbackBody", "router"]

router = APIRouter(prefix="/v1/snapshots", tags=["snapshots"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Collection = Annotated[Name | None, Query()]


class Snapshots(TypedDict):
    snapshots: tuple[Snapshot, ...]


class Manifest(TypedDict):
    entries: tuple[SnapshotEntry, ...]


class SnapshotRollbackBody(Body):
    """The collection that the number belongs to."""

    collection: Name | None = None


@router.get("", response_model=Snapshots)
async def list_snapshots(
    kit: KitToEdit, collection: Collection = None, limit: Limit = 500, before: Before = None
) -> Snapshots:
    """Those of one collection, newest first; `before` goes on after the one with this number."""
    found = await kit.snapshots.list(collection)
    return {"snapshots": page(found, lambda one: str(one.number), start=before, limit=limit)}


@router.get("/{number}", response_model=Manifest)
async def show_snapshot(number: Number, kit: KitToEdit, collection: Collection = None) -> Manifest:
    """The documents of one, by uri."""
    return {"entries": await kit.snapshots.show(number, collection=collection)}


@router.get("/{a}/diff/{b}", response_model=SnapshotDiff)
async def diff_snapshots(a: Number, b: Number, kit: KitToEdit, collection: Collection = None) -> SnapshotDiff:
    """What changed from snapshot `a` to snapshot `b`."""
    return await kit.snapshots.diff(a, b, collection=collection)


@router.post("/{number}/rollback", response_model=Rollback)
async def roll_back_snapshot(number: Number, body: SnapshotRollbackBody, kit: KitToOperate) -> Rollback:
    """Answer from the documents of an earlier snapshot again; what was deleted since stays deleted and is named."""
    return await kit.snapshots.rollback(number, collection=body.collection)
