"""`/v1/collections`: sets of documents that are searched together."""

from __future__ import annotations

from fastapi import APIRouter
from typing_extensions import TypedDict

from ragkit.service.deps import Body, Flag, KitToOperate, KitToRead, Name
from ragkit.types import Collection

__all__ = ["ConfigureBody", "router"]

router = APIRouter(prefix="/v1/collections", tags=["collections"])


class Collections(TypedDict):
    collections: tuple[Collection, ...]


class ConfigureBody(Body):
    """What a collection is to be like."""

    untagged: Flag
    """Whether documents without access tags can be seen by callers that carry some."""


class CollectionDeleted(TypedDict):
    documents: int


@router.get("", response_model=Collections)
async def list_collections(kit: KitToRead) -> Collections:
    """All collections."""
    return {"collections": await kit.collections.list()}


@router.patch("/{name:path}", response_model=Collection)
async def configure_collection(name: Name, body: ConfigureBody, kit: KitToOperate) -> Collection:
    """Say who may see what in a collection."""
    return await kit.collections.configure(name, untagged=body.untagged)


@router.delete("/{name:path}", response_model=CollectionDeleted)
async def delete_collection(name: Name, kit: KitToOperate) -> CollectionDeleted:
    """Erase a collection with all its documents, and tell how many there were."""
    return {"documents": await kit.collections.delete(name)}
