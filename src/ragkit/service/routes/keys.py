"""`/v1/keys`: who may call, and how much they have used."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BeforeValidator, Field
from typing_extensions import TypedDict

from ragkit.engine import AsyncRagkit
from ragkit.rights import Key, KeyUsage, Limit, Measure, NewKey, Period, Role
from ragkit.service import pages
from ragkit.service.deps import Body, KitToAdminister, KitToRead, Name, Text, a_number, caller_of

__all__ = ["CreateKeyBody", "LimitBody", "RotateBody", "router", "whoami"]

router = APIRouter(prefix="/v1/keys", tags=["keys"])
whoami = APIRouter(tags=["keys"])

MOST_NAMED = 1000
LONGEST_OVERLAP_S = 30 * 86_400


class Keys(TypedDict):
    keys: tuple[Key, ...]


def _written(value: object) -> object:
    # Pydantic makes times of numbers.
    if not (isinstance(value, str) and value[4:5] == "-"):
        raise ValueError("it must be a time with its zone, such as 2027-01-31T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]


class LimitBody(Body):
    """How much a key may use in each minute, day or month."""

    measure: Measure
    most: Annotated[float, Field(ge=0, le=1e12), a_number]
    per: Period


class CreateKeyBody(Body):
    """A new key, and what it may do."""

    name: Annotated[Text, Field(max_length=200)]
    role: Role = "reader"
    collections: tuple[Name, ...] | None = Field(None, max_length=MOST_NAMED)
    """Those that it opens; all of them when they are left out."""
    access: tuple[Annotated[Name, Field(max_length=100)], ...] | None = Field(None, max_length=MOST_NAMED)
    """Access tags that its caller carries; without them it sees every document."""
    limits: tuple[LimitBody, ...] = Field((), max_length=20)
    expires_at: Moment | None = None


class RotateBody(Body):
    """How long the secret goes on that the key had."""

    overlap_s: Annotated[float, Field(ge=0, le=LONGEST_OVERLAP_S), a_number] = 0


class Me(TypedDict):
    """Who calls, and what that opens."""

    id: str
    """Of the key, or the subject of the token; empty where the service has no keys."""
    role: Role
    collections: tuple[str, ...] | None
    access: tuple[str, ...] | None
    limits: tuple[Limit, ...]


@whoami.get("/v1/me", response_model=Me)
async def who_calls(_: KitToRead, request: Request) -> Me:
    """What the caller may do: the role of the key, and its collections and access tags where it has some only."""
    caller = caller_of(request)
    return {
        "id": caller.name,
        "role": caller.role,
        "collections": caller.collections,
        "access": caller.access,
        "limits": caller.limits,
    }


@router.get("", response_model=Keys)
async def list_keys(kit: KitToAdminister, limit: pages.Limit = 500, before: pages.Before = None) -> Keys:
    """Every key without its secret, the newest first; `before` goes on after the one with this id."""
    return {"keys": pages.page(await kit.keys.list(), lambda key: key.id, start=before, limit=limit)}


@router.post("", response_model=NewKey, status_code=201)
async def create_key(body: CreateKeyBody, kit: KitToAdminister) -> NewKey:
    """Make a key. Its secret is in this reply and nowhere else."""
    return await kit.keys.create(
        body.name,
        role=body.role,
        collections=body.collections,
        access=body.access,
        limits=[Limit(**limit.model_dump()) for limit in body.limits],
        expires_at=body.expires_at,
    )


@router.post("/{key_id}/rotate", response_model=NewKey)
async def rotate_key(key_id: Name, body: RotateBody, kit: KitToAdminister) -> NewKey:
    """Give a key another secret, which is in this reply and nowhere else."""
    return await kit.keys.rotate(key_id, overlap_s=body.overlap_s)


@router.delete("/{key_id}", response_model=Key)
async def revoke_key(key_id: Name, kit: KitToAdminister) -> Key:
    """Let in nobody with this key any more: at once here, within seconds in other processes."""
    return await kit.keys.revoke(key_id)


@router.get("/{key_id}/usage", response_model=KeyUsage)
async def key_usage(key_id: Name, _: KitToRead, request: Request) -> KeyUsage:
    """What a key has used; whoever is no admin may ask for the own key only."""
    caller = caller_of(request)
    if caller.name != key_id:
        caller.need("admin")
    whole: AsyncRagkit = request.app.state.kit
    return await whole.keys.usage(key_id)
