"""What routes are given, and what their requests have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from ragkit.engine import AsyncRagkit
from ragkit.service.errors import ClientGone
from ragkit.types import MOST_CONDITIONS, Filters, Range

T = TypeVar("T")

__all__ = ["Body", "FiltersBody", "Kit", "Mmr", "Name", "RangeBody", "Text", "storable", "while_connected"]


def _access(request: Request) -> tuple[str, ...] | None:
    """Tags that the caller carries. So far every caller is an operator, who carries none and sees everything."""
    return None


def _caller(request: Request) -> str | None:
    """The name of the caller: of the key that it sent. Without keys there is one caller, who sees everything."""
    name: str | None = request.state.caller
    return name


def _kit(
    request: Request,
    access: Annotated[tuple[str, ...] | None, Depends(_access)],
    caller: Annotated[str | None, Depends(_caller)],
) -> AsyncRagkit:
    kit: AsyncRagkit = request.app.state.kit
    return kit if access is None and caller is None else kit.seen_by(access, caller=caller)


Kit = Annotated[AsyncRagkit, Depends(_kit)]
"""The engine that serves this app, as far as the caller may see."""


def storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a null character is not text")
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON can spell half of a surrogate pair; no database takes it.
        raise ValueError("half of a surrogate pair is not text") from None
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("there is nothing in it")
    return text


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(storable)]
Text = Annotated[str, AfterValidator(storable), AfterValidator(_said)]
Mmr = Annotated[float, Field(ge=0, le=1)]
"""What relevance counts beside difference from the passages before."""


class Body(BaseModel):
    """A request; a field that it does not know is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Key = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(storable)]
Value = Annotated[str, Field(max_length=300), AfterValidator(storable)]


class RangeBody(Body):
    """Bounds of a value in the metadata, themselves included: two numbers, or two texts."""

    key: Key
    at_least: FiniteFloat | Value | None = None
    at_most: FiniteFloat | Value | None = None


class FiltersBody(Body):
    """Narrow a search to some documents; what is left out does not narrow."""

    document_ids: tuple[Name, ...] = Field((), max_length=1000)
    uri_prefix: Annotated[str, Field(max_length=2000), AfterValidator(storable)] | None = None
    media_types: tuple[Name, ...] = Field((), max_length=100)
    languages: tuple[Value, ...] = Field((), max_length=100)
    tags: tuple[Value, ...] = Field((), max_length=MOST_CONDITIONS)
    since: Value | None = None
    until: Value | None = None
    metadata: dict[Key, Value] = Field(default_factory=dict, max_length=MOST_CONDITIONS)
    ranges: tuple[RangeBody, ...] = Field((), max_length=MOST_CONDITIONS)

    def value(self) -> Filters:
        given = {name: getattr(self, name) for name in FiltersBody.model_fields if name != "ranges"}
        return Filters(**given, ranges=tuple(Range(**span.model_dump()) for span in self.ranges))


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Wait for the work, and cancel it when the client leaves: an answer that nobody reads costs as much as any.

    Raises:
        ClientGone: It left.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
