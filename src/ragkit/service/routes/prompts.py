"""`/v1/prompts`: versions of prompts, and which of them is in production."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from typing_extensions import TypedDict

from ragkit.service.deps import Body, KitToOperate, Name, Storable, Text, a_number
from ragkit.service.pages import After, Limit, page
from ragkit.types import Example, PromptVersion

__all__ = ["CreateBody", "PromoteBody", "RollbackBody", "router"]

router = APIRouter(prefix="/v1/prompts", tags=["prompts"])

Version = Field(ge=1, le=2**31 - 1)
Number = Annotated[int, Version]


class Prompts(TypedDict):
    prompts: tuple[PromptVersion, ...]


class Diff(TypedDict):
    diff: str


class ExampleBody(Body):
    """A question, as the values of the template's variables, with the answer that a model should give."""

    values: dict[Name, Annotated[Storable, Field(max_length=50_000)]]
    answer: Annotated[Text, Field(max_length=50_000)]


class CreateBody(Body):
    """A new version of a prompt; versions never change."""

    name: Annotated[Name, Field(max_length=100)]
    template: Annotated[Text, Field(max_length=200_000)]
    note: Annotated[Storable, Field(max_length=2000)] = ""
    system: Annotated[Storable, Field(max_length=200_000)] = ""
    examples: Annotated[tuple[ExampleBody, ...], Field(max_length=100)] = ()


class PromoteBody(Body):
    """The version that an alias shall point at."""

    version: Annotated[int, Version, a_number]
    alias: Name = "production"


class RollbackBody(Body):
    """The alias that shall point where it pointed before."""

    alias: Name = "production"


@router.get("", response_model=Prompts)
async def list_prompts(kit: KitToOperate, limit: Limit = 500, after: After = None) -> Prompts:
    """The versions of all prompts, by name; `after`, as `NAME@VERSION`, goes on after this one."""
    found = await kit.prompts.list()
    return {"prompts": page(found, lambda one: f"{one.name}@{one.version}", start=after, limit=limit)}


@router.post("", response_model=PromptVersion, status_code=201)
async def create_prompt(body: CreateBody, kit: KitToOperate) -> PromptVersion:
    """Add a version; it answers nothing until an alias points at it."""
    examples = tuple(Example(values=one.values, answer=one.answer) for one in body.examples)
    return await kit.prompts.create(body.name, body.template, note=body.note, system=body.system, examples=examples)


@router.get("/{name}", response_model=PromptVersion)
async def show_prompt(
    name: Name,
    kit: KitToOperate,
    alias: Annotated[Name | None, Query()] = None,
    version: Annotated[Number | None, Query()] = None,
) -> PromptVersion:
    """One version: by number, by alias, or the one in production."""
    return await kit.prompts.show(name, alias=alias, version=version)


@router.post("/{name}/promote", response_model=PromptVersion)
async def promote_prompt(name: Name, body: PromoteBody, kit: KitToOperate) -> PromptVersion:
    """Point an alias at a version."""
    return await kit.prompts.promote(name, body.version, alias=body.alias)


@router.post("/{name}/rollback", response_model=PromptVersion)
async def roll_back_prompt(name: Name, body: RollbackBody, kit: KitToOperate) -> PromptVersion:
    """Point an alias where it pointed before."""
    return await kit.prompts.rollback(name, alias=body.alias)


@router.get("/{name}/diff", response_model=Diff)
async def diff_prompt(
    name: Name, a: Annotated[Number, Query()], b: Annotated[Number, Query()], kit: KitToOperate
) -> Diff:
    """What changed from version `a` to version `b`, as a unified diff."""
    return {"diff": await kit.prompts.diff(name, a, b)}
