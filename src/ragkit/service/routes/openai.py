"""`/v1/chat/completions`, `/v1/models`, `/v1/embeddings`: for clients that speak OpenAI's form."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
from fastapi import APIRouter, Request
from sse_starlette import ServerSentEvent
from starlette.responses import Response

from ragkit.engine import AsyncRagkit
from ragkit.errors import InputError, NotFound, RagkitError, TooLarge, error_for
from ragkit.events import Accepted, Done, Event, Failed
from ragkit.service.deps import KitToRead, Name, caller_of, while_connected
from ragkit.service.errors import in_openai_form
from ragkit.service.openai.bodies import ChatBody, EmbeddingsBody
from ragkit.service.openai.links import Links
from ragkit.service.openai.replies import Completion, Embeddings, Model, Models, Writing
from ragkit.service.spending import Spends
from ragkit.service.sse import EventStream
from ragkit.types import Answer

__all__ = ["router"]

log = logging.getLogger(__name__)

DEFAULT, PREFIX = "ragkit", "ragkit/"
router = APIRouter(tags=["openai"])


@router.get("/v1/models", response_model=Models)
async def list_models(kit: KitToRead, request: Request) -> Models:
    """What answers: `ragkit/COLLECTION` for each collection, and `ragkit` for what is meant where none is named."""
    return {"object": "list", "data": await _models(kit, request)}


@router.get("/v1/models/{model:path}", response_model=Model)
async def get_model(model: Name, kit: KitToRead, request: Request) -> Model:
    """One of them."""
    for found in await _models(kit, request):
        if found["id"] == model:
            return found
    raise _no_model(model)


@router.post(
    "/v1/chat/completions",
    response_model=Completion,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": {"description": "Server-sent events."}}},
            "description": "The answer; or, with `stream`, its chunks: the last one has the sources under `ragkit`.",
        }
    },
)
async def complete_chat(body: ChatBody, kit: KitToRead, spending: Spends, request: Request) -> Any:
    """Answer the last message from the documents, in OpenAI's form.

    Markers are links to the chat page, which opens the document at the quoted sentence. Instructions, `temperature` and
    other fields that say how to write have no effect: prompts and models are the operator's; `ragkit.ignored` of the
    reply names them. Tools, pictures and several choices are refused.
    """
    question, history = body.question(), body.history()
    limit = request.app.state.settings.max_question_chars
    if len(question) > limit:
        raise TooLarge(f"messages: the question has {len(question):,} characters; the limit is {limit:,}.")
    await spending.begin(question, follows_up=bool(history))
    options = body.ragkit
    events = spending.watched(
        kit.stream(
            question,
            collection=_collection(body.model),
            prompt=options.prompt,
            filters=None if options.filters is None else options.filters.value(),
            mmr=options.mmr,
            history=history,
        )
    )
    base = request.app.state.settings.public_url or str(request.base_url)
    if not body.stream:
        return await while_connected(request, _whole(events, body, f"{base.rstrip('/')}/"))
    # What fails before the first event is still an ordinary error with a status of its own.
    first = await _accepted(events)
    writing = _writing(first, body, f"{base.rstrip('/')}/")
    chunks = _chunks(writing, Links(f"{base.rstrip('/')}/"), events, body, request.state.trace_id)
    return _stream(chunks, request)


@router.post("/v1/embeddings", response_model=Embeddings)
async def create_embeddings(body: EmbeddingsBody, kit: KitToRead, request: Request) -> Any:
    """Vectors of texts, as a collection's passages are embedded; one request at a time."""
    texts = body.texts()
    collection = await _embedding(body.model, kit)
    limiter: anyio.CapacityLimiter = request.app.state.embedding_slots
    async with limiter:
        made = await while_connected(request, kit.embeddings.create(texts, collection=collection))
    if body.dimensions not in (None, len(made.rows[0])):
        raise InputError(f"dimensions: the vectors of {made.embedder!r} have {len(made.rows[0])}.")
    data = [
        {"object": "embedding", "index": number, "embedding": body.encoded(row)} for number, row in enumerate(made.rows)
    ]
    usage = {"prompt_tokens": made.tokens, "total_tokens": made.tokens}
    return {"object": "list", "model": body.model, "data": data, "usage": usage}


async def _models(kit: AsyncRagkit, request: Request) -> list[Model]:
    found = await kit.collections.list()
    made = {f"{PREFIX}{one.name}": int(one.created_at.timestamp()) for one in found}
    default = request.app.state.settings.collection
    meant = default if f"{PREFIX}{default}" in made else None
    if meant is None and len(found) == 1 and caller_of(request).collections is not None:
        meant = found[0].name
    if meant is not None:
        made = {DEFAULT: made[f"{PREFIX}{meant}"], **made}
    return [{"id": name, "object": "model", "created": at, "owned_by": "ragkit"} for name, at in made.items()]


def _collection(model: str) -> str | None:
    if model == DEFAULT:
        return None
    if not model.startswith(PREFIX) or model == PREFIX:
        raise _no_model(model)
    return model.removeprefix(PREFIX)


async def _embedding(model: str, kit: AsyncRagkit) -> str | None:
    """The collection whose embedder is meant; none for the default."""
    if model == DEFAULT or model.startswith(PREFIX):
        return _collection(model)
    for found in await kit.collections.list():
        if model in (found.embedder, found.embedder.partition("@")[0]):
            return found.name
    raise _no_model(model)


def _no_model(model: str) -> NotFound:
    return NotFound(
        f"There is no model {model!r}.", hint="'ragkit' or 'ragkit/COLLECTION'; GET /v1/models lists what there is."
    )


async def _accepted(events: AsyncIterator[Event]) -> Accepted:
    first = await anext(events)
    if not isinstance(first, Accepted):
        raise RagkitError
    return first


def _writing(first: Accepted, body: ChatBody, base: str) -> Writing:
    return Writing(trace_id=first.trace_id, model=body.model, base=base, ignored=body.ignored())


async def _whole(events: AsyncGenerator[Event], body: ChatBody, base: str) -> Completion:
    async with aclosing(events):
        writing, links, text = _writing(await _accepted(events), body, base), Links(base), ""
        async for event in events:
            text += links.feed(event)
            if isinstance(event, Failed):
                raise error_for(event.code)(event.detail, hint=event.hint, trace_id=event.trace_id)
            if isinstance(event, Done):
                return writing.whole(text, event.answer)
    raise RagkitError("The answer ended before it was complete.", hint="Ask again.")


async def _chunks(
    writing: Writing, links: Links, events: AsyncGenerator[Event], body: ChatBody, trace_id: str
) -> AsyncGenerator[dict[str, Any] | str]:
    """What is sent of an answer, in order; the last is `[DONE]`, or an error."""
    try:
        async with aclosing(events):
            yield writing.begun()
            async for event in events:
                if text := links.feed(event):
                    yield writing.more(text)
                if isinstance(event, Failed):
                    raise error_for(event.code)(event.detail, hint=event.hint, trace_id=event.trace_id)
                if isinstance(event, Done):
                    for chunk in _ended(writing, event.answer, body):
                        yield chunk
                    yield "[DONE]"
    except RagkitError as error:
        yield in_openai_form(error, trace_id)
    except Exception:
        log.exception("An answer broke off (trace %s).", trace_id)
        yield in_openai_form(RagkitError(), trace_id)


def _ended(writing: Writing, answer: Answer, body: ChatBody) -> list[dict[str, Any]]:
    usage = [writing.used(answer)] if body.stream_options and body.stream_options.include_usage else []
    return [writing.ended(answer), *usage]


def _stream(chunks: AsyncGenerator[dict[str, Any] | str], request: Request) -> Response:
    async def sent() -> AsyncGenerator[ServerSentEvent]:
        async with aclosing(chunks):
            async for chunk in chunks:
                data = chunk if isinstance(chunk, str) else json.dumps(chunk, ensure_ascii=False)
                yield ServerSentEvent(data, sep="\n")

    return EventStream(sent(), request)
