"""The HTTP application over one engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import anyio
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware

from ragkit.keys.tokens import TokenVerifier
from ragkit.models.prices import Prices
from ragkit.service import errors
from ragkit.service.admission import Admission
from ragkit.service.cors import cors
from ragkit.service.description import describe
from ragkit.service.gate import Gate
from ragkit.service.idempotency import Idempotency
from ragkit.service.logs import Logged
from ragkit.service.metrics import Counted, Metrics
from ragkit.service.middleware import BodyLimit, HeaderLimit, TraceId
from ragkit.service.routes import (
    answers,
    ask,
    collections,
    conversations,
    documents,
    feedback,
    health,
    jobs,
    keys,
    metrics,
    openai,
    page,
    prompts,
    search,
    snapshots,
    uploads,
)
from ragkit.service.streams import Streams
from ragkit.service.tus import Tus, kept_swept

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit
    from ragkit.settings import Settings

__all__ = ["create_service"]

RESOURCES = (
    ask,
    openai,
    search,
    conversations,
    answers,
    feedback,
    documents,
    uploads,
    jobs,
    collections,
    prompts,
    snapshots,
    keys,
)
BESIDE = (health, metrics, page)
FORM_ROOM = 1_000_000
"""Bytes that a form may hold beside its file."""
JSON_ROOM, ESCAPED = 4_000_000, 12
"""Bytes that JSON may hold beside its question, such as a prompt; and those of one character when it is escaped."""


def create_service(
    kit: AsyncRagkit,
    settings: Settings,
    *,
    beside: Callable[[], AbstractAsyncContextManager[object]] = contextlib.nullcontext,
) -> FastAPI:
    """Build the application; starting it opens the engine, stopping it closes the engine.

    Args:
        kit: The engine, not yet opened.
        settings: The same that the engine was built from.
        beside: What runs as long as the application does, such as a worker.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with kit, kept_swept(kit), beside():
            # Opens what is costly before the first question needs it; `/readyz` says "starting" as long as it takes.
            app.state.warming = asyncio.create_task(kit.ready())
            yield
            app.state.warming.cancel()
            await app.state.streams.aclose()

    admission = Admission(settings.answers_at_once, settings.answers_waiting)
    counted = Metrics(admission)
    app = FastAPIOffline(
        redoc_url=None,
        title="ragkit",
        description="Answers from your documents, every citation checked against the text.",
        version="1",
        lifespan=lifespan,
        middleware=_middleware(kit, settings, counted),
        # Without it the page would have the API's description judged by a server elsewhere.
        swagger_ui_parameters={"validatorUrl": None},
    )
    app.state.kit = kit
    app.state.settings = settings
    app.state.upload_slots, app.state.embedding_slots = anyio.CapacityLimiter(1), anyio.CapacityLimiter(1)
    app.state.probe = health.Probe(kit)
    app.state.streams = Streams(settings.resume_s)
    app.state.prices = Prices(settings.llm_prices)
    app.state.admission = admission
    app.state.metrics = counted
    app.state.under_way = set()
    errors.install(app)
    for part in (*RESOURCES, *BESIDE):
        app.include_router(part.router)
    app.include_router(keys.whoami)
    describe(app)
    return app


def _middleware(kit: AsyncRagkit, settings: Settings, counted: Metrics) -> list[Middleware]:
    """What every request passes, in this order."""
    keys_of_settings = [key.get_secret_value() for key in settings.api_keys]
    return [
        Middleware(TraceId, root_path=settings.root_path),
        Middleware(Logged),
        Middleware(Counted, metrics=counted),
        *cors(settings.cors_origins),
        Middleware(HeaderLimit),
        Middleware(Tus),
        Middleware(Gate, kit=kit, keys=keys_of_settings, origins=settings.cors_origins, tokens=_tokens(settings)),
        Middleware(
            BodyLimit,
            max_bytes=settings.max_file_mb * 1_000_000 + FORM_ROOM,
            max_json_bytes=JSON_ROOM + ESCAPED * settings.max_question_chars,
        ),
        Middleware(Idempotency),
    ]


def _tokens(settings: Settings) -> TokenVerifier | None:
    if not (settings.jwt_issuer and settings.jwt_audience):
        return None
    return TokenVerifier(
        settings.jwt_issuer,
        settings.jwt_audience,
        keys_url=settings.jwt_keys_url,
        role=settings.jwt_role_claim,
        access=settings.jwt_access_claim,
        collections=settings.jwt_collections_claim,
    )
