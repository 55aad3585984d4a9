"""Every failure as `application/problem+json` (RFC 9457), with the `code` by which the SDK finds the class.

The routes in OpenAI's form tell it in that form.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Mount
from starlette.types import Scope

from ragkit.errors import InputError, OverQuota, RagkitError, StorageError, error_for
from ragkit.service.paths import path_of

__all__ = [
    "HINTS",
    "MEDIA_TYPE",
    "METHODS",
    "OPENAI_PATHS",
    "UNREADABLE",
    "ClientGone",
    "body_of",
    "in_openai_form",
    "install",
    "of_http",
    "problem",
    "tell",
]

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
FIELD = re.compile(r"([a-z_][\w.]*): ")
"""What a detail begins with that is about one field."""
CODES_BY_STATUS: Mapping[int, str] = {
    400: "invalid_input",
    404: "not_found",
    405: "invalid_input",
    408: "timed_out",
    412: "invalid_input",
    413: "too_large",
    415: "unsupported_format",
}
SHOWN = "GET /docs shows every address, and what it takes."
HINTS: Mapping[int, str] = {
    400: "Send JSON in UTF-8, not compressed, or a form with one file.",
    404: SHOWN,
    405: SHOWN,
    408: "Send the request in one go.",
    412: "Send the header 'Tus-Resumable: 1.0.0'; OPTIONS /v1/uploads tells what is spoken there.",
    413: "Send less at once; RAGKIT_MAX_FILE_MB and RAGKIT_MAX_QUESTION_CHARS set how much there may be.",
    422: SHOWN,
    431: "Send fewer and shorter headers: long text belongs into the body.",
}
"""What to do next where an error says no more of it."""
UNREADABLE = "The body is no JSON in UTF-8, or too deeply nested, or has a number of thousands of digits."
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


OPENAI_PATHS = ("/v1/chat/", "/v1/models", "/v1/embeddings")
"""Of the routes in OpenAI's form; they begin so."""
OPENAI_TYPES: Mapping[int, str] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
PATIENCE_S = 60.0
"""A client in OpenAI's form is told not to try again by itself where it would have to wait longer."""


UNFORESEEN = frozenset({HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.INSUFFICIENT_STORAGE})


class ClientGone(Exception):
    """The client left before its answer was ready."""


def install(app: FastAPI) -> None:
    """Answer every exception of this app with a problem."""
    app.add_exception_handler(RagkitError, _ragkit_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(ClientGone, _client_gone)
    app.add_exception_handler(Exception, _unexpected)


def problem(error: RagkitError, scope: Scope, *, status: int | None = None) -> JSONResponse:
    """The response that tells of an error, in the form of the route that was asked for."""
    headers = {} if error.retry_after is None else {"Retry-After": str(max(1, round(error.retry_after)))}
    if isinstance(error, OverQuota):
        headers |= _met(error)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    trace_id = str(scope.get("state", {}).get("trace_id", ""))
    status = status or error.status
    error.hint = error.hint or HINTS.get(status)
    if path_of(scope).startswith(OPENAI_PATHS):
        return _openai_response(error, status, trace_id, headers)
    return _response(error, status, error.trace_id or trace_id, headers)


def of_http(error: HTTPException, scope: Scope) -> RagkitError:
    """The error of ours that tells of one of HTTP alone."""
    code = CODES_BY_STATUS.get(error.status_code, "internal")
    detail = {
        404: f"There is nothing at {scope['path']!r}.",
        405: f"{scope['path']!r} does not answer {scope['method']}.",
    }.get(error.status_code, str(error.detail))
    if detail == "There was an error parsing the body":  # FastAPI, whatever the reason
        detail = UNREADABLE
    return error_for(code)(detail)


def in_openai_form(error: RagkitError, trace_id: str) -> dict[str, Any]:
    """The body that tells of an error to a client that speaks OpenAI's form."""
    kind = "server_error" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    field = FIELD.match(error.detail)
    told = {
        "message": " ".join(filter(None, (error.detail, error.hint))),
        "type": OPENAI_TYPES.get(error.status, kind),
        "param": field[1] if field else None,
        "code": error.code,
        "trace_id": error.trace_id or trace_id,
    }
    return {"error": told}


def _openai_response(error: RagkitError, status: int, trace_id: str, headers: dict[str, str]) -> JSONResponse:
    # What cannot be used is a 400 there.
    status = 400 if status == HTTPStatus.UNPROCESSABLE_ENTITY else status
    if error.retry_after is not None and error.retry_after > PATIENCE_S:
        headers["X-Should-Retry"] = "false"
    return JSONResponse(in_openai_form(error, trace_id), status, headers | {"X-Trace-Id": trace_id})


def _met(error: OverQuota) -> dict[str, str]:
    met = {"RateLimit-Limit": error.most, "RateLimit-Remaining": 0, "RateLimit-Reset": error.retry_after}
    return {name: f"{value:g}" for name, value in met.items() if value is not None}


def body_of(error: RagkitError, status: int, trace_id: str) -> dict[str, Any]:
    """The body that tells of an error."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": error.detail,
        "hint": error.hint,
        "trace_id": trace_id,
    }


def _response(error: RagkitError, status: int, trace_id: str, headers: dict[str, str]) -> JSONResponse:
    body = body_of(error, status, trace_id)
    # Here too, because what answers unexpected errors stands outside of all middleware.
    return JSONResponse(body, status, headers | {"X-Trace-Id": trace_id}, MEDIA_TYPE)


async def _ragkit_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RagkitError)
    tell(error, request.scope)
    return problem(error, request.scope)


def tell(error: RagkitError, scope: Scope) -> None:
    """Log a failure that is none of the caller's: with its origin where nobody foresaw it, else in one line."""
    if error.status in UNFORESEEN:
        log.error("%s %s: %s", scope["method"], scope["path"], error.detail, exc_info=error)
    elif error.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("%s %s: %s", scope["method"], scope["path"], error.detail)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem(InputError(_explain(error.errors())), request.scope)


def _explain(errors: Sequence[Any]) -> str:
    """Which fields are wrong and why, without repeating what was sent."""
    reasons = []
    for found in errors:
        place, *path = found["loc"]
        if found["type"] == "json_invalid":
            return f"The body is not valid JSON: {found.get('ctx', {}).get('error', 'it breaks off')}."
        # A part with brackets names a type that was tried, not a field.
        name = ".".join(str(part) for part in path if "[" not in str(part)) or str(place)
        said = "it must be a file, with its name" if "UploadFile" in found["msg"] else found["msg"]
        reasons.append(f"{name}: {said.removeprefix('Value error, ')}")
    return "; ".join(reasons) + "."


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # While a body was read: FastAPI takes whatever happens for a mistake of the caller's.
    if isinstance(error.__cause__, ClientDisconnect):
        return await _client_gone(request, error.__cause__)
    if isinstance(error.__cause__, OSError):
        return await _ragkit_error(request, StorageError(f"The body could not be kept: {error.__cause__.strerror}."))
    response = problem(of_http(error, request.scope), request.scope, status=error.status_code)
    response.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(_methods(request))
    return response


def _methods(request: Request) -> list[str]:
    """Those that an address answers; a route knows its own only."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    asked = {method: {**request.scope, "method": method} for method in METHODS}
    return [one for one in METHODS if any(route.matches(asked[one])[0] is Match.FULL for route in routes)]


async def _client_gone(request: Request, error: Exception) -> Response:
    # Nobody reads it; the number is the one that proxies write to their logs.
    return Response(status_code=499)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The text of an unknown exception may quote documents or secrets: it goes to the log alone, by the server.
    return problem(RagkitError(hint="The service's log has the details, under this trace id."), request.scope)
