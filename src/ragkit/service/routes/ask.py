"""`POST /v1/ask`: a cited answer, whole or as it is written."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from pydantic import Field, TypeAdapter
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from ragkit.answer.pipeline import last_answer
from ragkit.errors import InputError, RagkitError
from ragkit.events import Accepted, Cited, Done, Event, Failed, Retrieved, Token, Verified
from ragkit.service.deps import (
    Body,
    FiltersBody,
    Flag,
    KitToRead,
    Mmr,
    Name,
    Storable,
    Text,
    caller_of,
    while_connected,
)
from ragkit.service.spending import Spending, Spends
from ragkit.service.sse import EventStream
from ragkit.service.streams import Streams
from ragkit.types import Answer, Citation, Message

__all__ = ["AskBody", "router"]

log = logging.getLogger(__name__)

router = APIRouter(tags=["ask"])

JSON: Mapping[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Accepted, Retrieved, Token, Citation, Verified, Answer, Failed)
}


class MessageBody(Body):
    """Something that was said before."""

    role: Literal["user", "assistant"]
    text: Storable

    def value(self) -> Message:
        return Message(role=self.role, text=self.text)


class AskBody(Body):
    """A question, and where to look for its answer."""

    question: Text
    collection: Name | None = None
    conversation_id: Name | None = None
    prompt: Name | None = None
    """`name` or `name@alias`."""
    filters: FiltersBody | None = None
    mmr: Mmr | None = None
    history: tuple[MessageBody, ...] = Field((), max_length=1000)
    """What was said before, oldest first, where the caller keeps it itself; not together with `conversation_id`."""
    stream: Flag = False
    """Answer with server-sent events."""
    resumable: Flag = False
    """Go on for a moment when the connection of a stream breaks off, and keep what is read next."""

    def arguments(self) -> dict[str, Any]:
        """What `AsyncRagkit.ask` and `stream` take beside the question."""
        return {
            "collection": self.collection,
            "conversation_id": self.conversation_id,
            "prompt": self.prompt,
            "filters": None if self.filters is None else self.filters.value(),
            "mmr": self.mmr,
            "history": tuple(message.value() for message in self.history),
        }


@router.post(
    "/v1/ask",
    response_model=Answer,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": {"description": "Server-sent events."}}},
            "description": "The answer; or, with `stream`, the events `accepted`, `retrieved`, `token`, `citation`, "
            "`verdict`, and at last `done`, whose data is the whole answer, or `error`.",
        }
    },
)
async def ask(body: AskBody, kit: KitToRead, spending: Spends, request: Request) -> Any:
    """Answer a question from the documents, with citations checked against their text."""
    limit = request.app.state.settings.max_question_chars
    if len(body.question) > limit:
        raise InputError(f"question: it has {len(body.question):,} characters; the limit is {limit:,}.")
    await spending.begin(body.question, follows_up=body.conversation_id is not None or bool(body.history))
    events = spending.watched(kit.stream(body.question, **body.arguments()))
    if not body.stream:
        return await while_connected(request, last_answer(events))
    return await _stream(events, resumable=body.resumable, spending=spending, request=request)


@router.get(
    "/v1/ask/{trace_id}/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"description": "Server-sent events."}}}}},
)
async def resume_answer(
    trace_id: Name,
    _: KitToRead,
    request: Request,
    last_event_id: Annotated[int, Header(ge=0, description="The id of the last event that was read.")] = 0,
) -> Response:
    """Go on reading a `resumable` stream that broke off, after the event that was read last."""
    streams: Streams = request.app.state.streams
    return EventStream(streams.resume(trace_id, caller_of(request).name, last_event_id), request)


@router.delete("/v1/ask/{trace_id}", status_code=204)
async def cancel_answer(trace_id: Name, _: KitToRead, request: Request) -> None:
    """End an answer that is written to a `resumable` stream, and the call of its model; nothing of it is kept."""
    streams: Streams = request.app.state.streams
    streams.cancel(trace_id, caller_of(request).name)


async def _stream(events: AsyncGenerator[Event], *, resumable: bool, spending: Spending, request: Request) -> Response:
    # What fails before the first event is still an ordinary problem with a status of its own.
    first = await anext(events)
    written = _written(first, events, request.state.trace_id)
    if not (resumable and isinstance(first, Accepted)):
        return EventStream(_one_by_one(written), request)
    streams: Streams = request.app.state.streams
    owner = caller_of(request).name
    return EventStream(streams.begin(first.trace_id, owner, written, spending.taken_over()), request)


async def _one_by_one(events: AsyncGenerator[tuple[str, str]]) -> AsyncGenerator[ServerSentEvent]:
    async with aclosing(events):
        async for name, data in events:
            yield ServerSentEvent(data, event=name, sep="\n")


async def _written(first: Event, events: AsyncGenerator[Event], trace_id: str) -> AsyncGenerator[tuple[str, str]]:
    """Name and data of each event; when it is closed, the model's call is cancelled."""
    async with aclosing(events):
        try:
            yield _event(first)
            async for event in events:
                yield _event(event)
        except RagkitError as error:
            yield _event(_failed(error, trace_id))
        except Exception:
            log.exception("An answer broke off (trace %s).", trace_id)
            yield _event(_failed(RagkitError(), trace_id))


def _failed(error: RagkitError, trace_id: str) -> Failed:
    return Failed(code=error.code, detail=error.detail, hint=error.hint, trace_id=error.trace_id or trace_id)


def _event(event: Event) -> tuple[str, str]:
    """Its name, and the JSON of its value: for a citation the citation itself, at the end the answer itself."""
    value: Any = event.answer if isinstance(event, Done) else event.citation if isinstance(event, Cited) else event
    return event.event, JSON[type(value)].dump_json(value, exclude={"event"}).decode()
