"""What the OpenAPI description says beside what FastAPI finds: errors as they are sent, and what each part is for."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from ragkit import errors
from ragkit.service.errors import MEDIA_TYPE, OPENAI_PATHS, body_of

__all__ = ["Problem", "describe"]

TAGS = [
    {"name": "ask", "description": "Cited answers, whole or as they are written."},
    {"name": "openai", "description": "The same for clients made for OpenAI."},
    {"name": "search", "description": "Ranked passages, and how they were found."},
    {"name": "conversations", "description": "What the caller asked and was answered."},
    {"name": "answers", "description": "Records of answers: what each was made from, to replay and compare."},
    {"name": "feedback", "description": "What people say of answers and citations."},
    {"name": "documents", "description": "What is in the catalog, and putting more in."},
    {"name": "jobs", "description": "What becomes of uploads and runs of pipelines."},
    {"name": "collections", "description": "Sets of documents that are searched together."},
    {"name": "prompts", "description": "Versions of prompts, and which of them answers."},
    {"name": "snapshots", "description": "What a collection answered from earlier, and going back to it."},
    {"name": "keys", "description": "Who may call, and how much they have used."},
    {"name": "health", "description": "For probes and monitoring."},
]
ALWAYS = (errors.Unauthenticated, errors.NotAllowed, errors.InputError, errors.OverQuota, errors.StorageError)
WITH_BODY = (errors.TooLarge,)
CHANGES = (errors.Conflict,)
BY_NAME = (errors.NotFound,)
ASKS = (errors.UpstreamError, errors.Overloaded, errors.TimedOut)
ASKING = ("/v1/ask", "/v1/search", "/v1/explain", "/replay", "/edit")
"""What routes begin or end with that have a model work."""
OF_FASTAPI = ("HTTPValidationError", "ValidationError")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="Which kind of error it is: see the reference of errors.")
    detail: str
    hint: str | None = Field(description="What to do next.")
    trace_id: str = Field(description="By which the service's log names the request.")


def describe(app: FastAPI) -> None:
    """Have the application describe its parts and errors."""
    app.openapi_tags = TAGS
    found = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = found()
            schemas = described["components"]["schemas"]
            for name in OF_FASTAPI:
                schemas.pop(name, None)
            schemas["Problem"] = Problem.model_json_schema()
            for path, operations in described["paths"].items():
                for method, operation in operations.items():
                    _complete(path, method, operation)
        return found()

    app.openapi = described  # type: ignore[method-assign]


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    if "security" in operation and not path.startswith(OPENAI_PATHS):
        for kind in _kinds(path, method, operation):
            responses.setdefault(str(kind.status), _response(kind))


def _kinds(path: str, method: str, operation: dict[str, Any]) -> Iterator[type[errors.RagkitError]]:
    yield from ALWAYS
    if "requestBody" in operation:
        yield from WITH_BODY
    if "{" in path or "parameters" in operation:
        yield from BY_NAME
    if method != "get":
        yield from CHANGES
    if path.startswith(ASKING) or path.endswith(ASKING):
        yield from ASKS


def _response(kind: type[errors.RagkitError]) -> dict[str, Any]:
    example = body_of(kind(), kind.status, "4f0c6d1e9b2a47c8a1d3e5f708192a3b")
    reference = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": reference, "example": example}}
    return {"description": HTTPStatus(kind.status).phrase, "content": content}
