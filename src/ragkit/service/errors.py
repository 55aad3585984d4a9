"""Every failure as `application/problem+json` (RFC 9457), with the `code` by which the SDK finds the class."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ragkit.errors import InputError, OverQuota, RagkitError

__all__ = ["ClientGone", "install", "problem"]

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
CODES_BY_STATUS: Mapping[int, str] = {
    400: "invalid_input",
    404: "not_found",
    405: "invalid_input",
    413: "too_large",
    415: "unsupported_format",
}


class ClientGone(Exception):
    """The client left before its answer was ready."""


def install(app: FastAPI) -> None:
    """Answer every exception of this app with a problem."""
    app.add_exception_handler(RagkitError, _ragkit_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(ClientGone, _client_gone)
    app.add_exception_handler(Exception, _unexpected)


def problem(error: RagkitError, trace_id: str) -> JSONResponse:
    """The response that tells of an error."""
    headers = {} if error.retry_after is None else {"Retry-After": str(max(1, round(error.retry_after)))}
    if isinstance(error, OverQuota):
        headers |= _met(error)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return _response(error.status, error.code, error.detail, error.hint, error.trace_id or trace_id, headers)


def _met(error: OverQuota) -> dict[str, str]:
    met = {"RateLimit-Limit": error.most, "RateLimit-Remaining": 0, "RateLimit-Reset": error.retry_after}
    return {name: f"{value:g}" for name, value in met.items() if value is not None}


def _response(
    status: int, code: str, detail: str, hint: str | None, trace_id: str, headers: dict[str, str]
) -> JSONResponse:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
        "trace_id": trace_id,
    }
    # Here too, because what answers unexpected errors stands outside of all middleware.
    return JSONResponse(body, status, headers | {"X-Trace-Id": trace_id}, MEDIA_TYPE)


def _trace_id(request: Request) -> str:
    return str(getattr(request.state, "trace_id", ""))


async def _ragkit_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RagkitError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s %s: %s", request.method, request.url.path, error.detail, exc_info=error)
    return problem(error, _trace_id(request))


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem(InputError(_explain(error.errors())), _trace_id(request))


def _explain(errors: Sequence[Any]) -> str:
    """Which fields are wrong and why, without repeating what was sent."""
    reasons = []
    for found in errors:
        place, *path = found["loc"]
        if found["type"] == "json_invalid":
            return f"The body is not valid JSON: {found.get('ctx', {}).get('error', 'it breaks off')}."
        name = ".".join(str(part) for part in path) or str(place)
        reasons.append(f"{name}: {found['msg']}")
    return "; ".join(reasons) + "."


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = CODES_BY_STATUS.get(error.status_code, "internal")
    detail = {
        404: f"There is nothing at {request.url.path!r}.",
        405: f"{request.url.path!r} does not answer {request.method}.",
    }.get(error.status_code, str(error.detail))
    hint = "GET /docs shows every address." if error.status_code in {404, 405} else None
    return _response(error.status_code, code, detail, hint, _trace_id(request), dict(error.headers or {}))


async def _client_gone(request: Request, error: Exception) -> Response:
    # Nobody reads it; the number is the one that proxies write to their logs.
    return Response(status_code=499)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The text of an unknown exception may quote documents or secrets: it goes to the log alone, by the server.
    return problem(RagkitError(hint="The service's log has the details, under this trace id."), _trace_id(request))
