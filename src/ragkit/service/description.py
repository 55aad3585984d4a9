"""What the OpenAPI description says beside what FastAPI finds: errors as they are sent, and what each part is for."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from ragkit import errors
from ragkit.service.errors import HINTS, MEDIA_TYPE, OPENAI_PATHS, UNREADABLE, body_of, in_openai_form

__all__ = ["Problem", "describe"]

TAGS = [
    {"name": "ask", "description": "Cited answers, whole or as they are written."},
    {"name": "openai", "description": "The same for clients made for OpenAI."},
    {"name": "search", "description": "Ranked passages, and how they were found."},
    {"name": "conversations", "description": "What the caller asked and was answered."},
    {"name": "answers", "description": "Records of answers: what each was made from, to replay and compare."},
    {"name": "feedback", "description": "What people say of answers and citations."},
    {"name": "documents", "description": "What is in the catalog, and putting more in."},
    {"name": "uploads", "description": "Large files in parts, by tus 1.0.0: what breaks off goes on where it ended."},
    {"name": "jobs", "description": "What becomes of uploads and runs of pipelines."},
    {"name": "collections", "description": "Sets of documents that are searched together."},
    {"name": "prompts", "description": "Versions of prompts, and which of them answers."},
    {"name": "snapshots", "description": "What a collection answered from earlier, and going back to it."},
    {"name": "keys", "description": "Who may call, and how much they have used."},
    {"name": "health", "description": "For probes and monitoring."},
]
ALWAYS = (errors.Unauthenticated, errors.InputError, errors.OverQuota, errors.StorageError)
WITH_BODY = (errors.TooLarge,)
NAMED = (errors.NotFound,)
CHANGES = (errors.Conflict,)
TUS = (errors.Locked, errors.UnsupportedFormat)
ASKS = (errors.UpstreamError, errors.Overloaded, errors.TimedOut)
ASKING = ("/v1/ask", "/v1/search", "/v1/explain", "/v1/chat", "/v1/embeddings", "/replay", "/edit")
"""What routes begin or end with that have a model work."""
TRACE_ID = "4f0c6d1e9b2a47c8a1d3e5f708192a3b"
IN_PARTS = "/v1/uploads"
"""What routes begin with that speak tus."""
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


class OpenAIError(BaseModel):
    """What went wrong, for clients made for OpenAI."""

    message: str
    type: str
    param: str | None = Field(description="The field that is wrong.")
    code: str = Field(description="Which kind of error it is: see the reference of errors.")
    trace_id: str = Field(description="By which the service's log names the request.")


class OpenAIProblem(BaseModel):
    """An error in OpenAI's form."""

    error: OpenAIError


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
            schemas["OpenAIError"] = OpenAIError.model_json_schema()
            schemas["OpenAIProblem"] = OpenAIProblem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas["OpenAIProblem"].pop("$defs")
            for path, operations in described["paths"].items():
                for method, operation in operations.items():
                    _complete(path, method, operation)
        return found()

    app.openapi = described  # type: ignore[method-assign]


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    is_openai = path.startswith(OPENAI_PATHS)
    for status, error in _errors(path, method, operation):
        told = HTTPStatus.BAD_REQUEST if is_openai and status == HTTPStatus.UNPROCESSABLE_ENTITY else status
        responses.setdefault(str(int(told)), _response(error, told, is_openai=is_openai))


def _errors(path: str, method: str, operation: dict[str, Any]) -> Iterator[tuple[int, errors.RagkitError]]:
    """What it may be answered, each with its status."""
    yield 403, errors.NotAllowed()
    yield 431, errors.TooLarge("The headers of the request are more than 100, or 65,536 bytes.")
    if "security" not in operation:
        return
    kinds = [*ALWAYS]
    if "requestBody" in operation:
        kinds += WITH_BODY
        yield 400, errors.InputError(UNREADABLE)
        yield 408, errors.TimedOut("The request comes more slowly than 1,000 bytes a second.")
    if "{" in path or "parameters" in operation or "requestBody" in operation:
        kinds += NAMED
    if method != "get":
        kinds += CHANGES
    if path.startswith(IN_PARTS):
        kinds += TUS
        yield 412, errors.InputError("This service speaks tus 1.0.0, and the request does not say so.")
    if path.startswith(ASKING) or path.endswith(ASKING):
        kinds += ASKS
    for kind in kinds:
        yield kind.status, kind()


def _response(error: errors.RagkitError, status: int, *, is_openai: bool) -> dict[str, Any]:
    error.hint = error.hint or HINTS.get(status)
    example = in_openai_form(error, TRACE_ID) if is_openai else body_of(error, status, TRACE_ID)
    name, media_type = ("OpenAIProblem", "application/json") if is_openai else ("Problem", MEDIA_TYPE)
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}, "example": example}}
    return {"description": HTTPStatus(status).phrase, "content": content}
