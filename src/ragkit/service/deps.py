"""What routes are given, and what their requests have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar, cast

from fastapi import Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer, SecurityScopes
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, Strict

from ragkit.callers import Principal
from ragkit.engine import AsyncRagkit
from ragkit.errors import InputError, Unauthenticated
from ragkit.rights import Role
from ragkit.service.errors import OPENAI_PATHS, ClientGone
from ragkit.service.paths import path_of
from ragkit.types import MOST_CONDITIONS, Filters, Range

T = TypeVar("T")

__all__ = [
    "Body",
    "FiltersBody",
    "Flag",
    "KitToAdminister",
    "KitToEdit",
    "KitToOperate",
    "KitToRead",
    "Mmr",
    "Name",
    "RangeBody",
    "RightFirst",
    "Storable",
    "Text",
    "a_number",
    "caller_of",
    "while_connected",
]


_key = HTTPBearer(scheme_name="key", description="An API key, or a token.", auto_error=False)
_header = APIKeyHeader(name="X-API-Key", scheme_name="header", description="An API key.", auto_error=False)


def caller_of(request: Request) -> Principal:
    """Who the gate has let in."""
    caller: Principal | None = request.state.caller
    if caller is None:  # where no key is needed, nothing else may ask who calls
        raise Unauthenticated
    return caller


def _kit(
    request: Request,
    needed: SecurityScopes,
    _: Annotated[object, Security(_key)],
    __: Annotated[object, Security(_header)],
) -> AsyncRagkit:
    caller = caller_of(request)
    (role,) = needed.scopes
    caller.need(cast("Role", role))
    _refuse_unknown(request)
    whole: AsyncRagkit = request.app.state.kit
    if caller.access is None and caller.collections is None and not caller.name:
        return whole
    return whole.seen_by(caller.access, caller=caller.name or None, collections=caller.collections)


def _refuse_unknown(request: Request) -> None:
    """A parameter of the query that no route of ours reads is a mistake; other programs' clients may have theirs."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    unknown = request.query_params.keys() - known
    if unknown and not path_of(request.scope).startswith((*OPENAI_PATHS, "/metrics")):
        raise InputError(f"{min(unknown)[:100]}: there is no such parameter.", hint=_takes(known))


def _takes(known: set[str]) -> str:
    return f"It takes {', '.join(repr(name) for name in sorted(known))}." if known else "It takes none."


# There is no engine for a route without the role that it needs.
KitToRead = Annotated[AsyncRagkit, Security(_kit, scopes=["reader"])]
"""The engine that serves this app, as far as the caller may see, for a route that needs the role `reader`."""
KitToEdit = Annotated[AsyncRagkit, Security(_kit, scopes=["editor"])]
"""The same for one that needs `editor`."""
KitToOperate = Annotated[AsyncRagkit, Security(_kit, scopes=["operator"])]
"""The same for one that needs `operator`."""
KitToAdminister = Annotated[AsyncRagkit, Security(_kit, scopes=["admin"])]
"""The same for one that needs `admin`."""


class RightFirst(APIRoute):
    """A route that looks for the right to it before the body is read: it may be a large file."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        roles = [cast("Role", role) for one in self.dependant.dependencies for role in one.own_oauth_scopes or ()]

        async def handle_with_right(request: Request) -> Response:
            for role in roles:
                caller_of(request).need(role)
            return await handle(request)

        return handle_with_right


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


def _number(value: object) -> object:
    # Pydantic makes numbers of "10" and of true.
    if isinstance(value, bool | str):
        raise ValueError("it must be a number")
    return value


Storable = Annotated[str, Field(json_schema_extra={"pattern": r"^[^\u0000]*$"}), AfterValidator(storable)]
Name = Annotated[Storable, Field(min_length=1, max_length=200)]
Text = Annotated[
    str,
    Field(json_schema_extra={"pattern": r"^[^\u0000]*\S[^\u0000]*$"}),
    AfterValidator(storable),
    AfterValidator(_said),
]
Flag = Annotated[bool, Strict()]
a_number = BeforeValidator(_number)
"""After the bounds of the field, which the description would else not name."""
Mmr = Annotated[float, Field(ge=0, le=1), a_number]
"""What relevance counts beside difference from the passages before."""


class Body(BaseModel):
    """A request; a field that it does not know is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Key = Annotated[Storable, Field(min_length=1, max_length=100)]
Value = Annotated[Storable, Field(max_length=300)]


Bound = Annotated[FiniteFloat, a_number]


class RangeBody(Body):
    """Bounds of a value in the metadata, themselves included: two numbers, or two texts."""

    key: Key
    at_least: Bound | Value | None = None
    at_most: Bound | Value | None = None


class FiltersBody(Body):
    """Narrow a search to some documents; what is left out does not narrow."""

    document_ids: tuple[Name, ...] = Field((), max_length=1000)
    uri_prefix: Annotated[Storable, Field(max_length=2000)] | None = None
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
