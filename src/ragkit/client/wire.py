"""Between calls and HTTP: addresses and keys, what is tried again and when, replies and events read, errors told."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import httpx2
from pydantic import ValidationError

from ragkit.client.calls import Call, adapter
from ragkit.errors import ConfigError, RagkitError, UpstreamError, UpstreamTimeout, error_for, seconds_asked
from ragkit.events import Accepted, Cited, Done, Event, Failed, Retrieved, Token, Verified
from ragkit.types import Answer, Citation

__all__ = ["Wire", "event_of"]

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:8000"
CONNECT_S = 5.0
FIRST_DELAY_S, LONGEST_DELAY_S, LONGEST_RETRY_AFTER_S = 0.5, 8.0, 60.0

UPLOAD_TRIES = 3
"""Times as many as a call has, for an upload of which nothing more arrives."""

TURNED_AWAY = frozenset({429, 503})
NOT_BEGUN = frozenset({None, "busy", "over_quota", "overloaded"})
"""Codes of who was turned away before anything was done for it: worth another try whatever the call. Others with these
statuses come from a provider that the service has asked, and paid, already."""
BROKE_OFF = frozenset({502, 504})

CODES_OF_PROXIES: Mapping[int, str] = {
    401: "unauthenticated",
    403: "not_allowed",
    404: "not_found",
    408: "timed_out",
    409: "conflict",
    413: "too_large",
    422: "invalid_input",
    423: "locked",
    429: "busy",
    502: "upstream",
    503: "upstream_limited",
    504: "upstream_timeout",
}
"""For replies that say no more than a status, from whatever stands before the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How one service is spoken to."""

    prefix: str
    """Put before each path; empty where the HTTP client has a base URL of its own."""
    api_key: str | None = field(repr=False)
    timeout: float
    max_retries: int

    @classmethod
    def of(cls, url: str | None, *, api_key: str | None, timeout: float, max_retries: int, own_client: bool) -> Wire:
        """With what was not given taken from `RAGKIT_URL` and `RAGKIT_API_KEY`.

        Raises:
            ConfigError: The address or the key cannot be used.
        """
        if url is None and own_client:
            url = os.environ.get("RAGKIT_URL") or DEFAULT_URL
        key = (api_key or os.environ.get("RAGKIT_API_KEY") or "").strip()  # a mounted secret often ends its line
        if not (key.isascii() and key.isprintable()):
            raise ConfigError("The API key has characters that no HTTP header can carry.", hint="Copy it anew.")
        return cls(
            prefix=_address(url or ""),
            api_key=key or None,
            timeout=timeout,
            max_retries=max_retries,
        )

    @property
    def timeouts(self) -> httpx2.Timeout:
        """For an HTTP client of our own; one that was injected has its own."""
        return httpx2.Timeout(self.timeout, connect=CONNECT_S)

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """The arguments of `httpx2.Client.request` and `stream`."""
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        arguments = {
            "params": call.query or None,
            "json": call.json,
            "data": call.form or None,
            "files": None if call.file is None else {"file": call.file},
            "content": call.content,
        }
        return {
            "method": call.method,
            "url": self.prefix + call.path,
            "headers": headers | dict(call.headers or {}),
        } | {name: value for name, value in arguments.items() if value is not None}

    def retry_delay(
        self, call: Call[Any], outcome: httpx2.Response | httpx2.TransportError, attempt: int
    ) -> float | None:
        """Seconds to wait before another try, or None where this outcome stands.

        Args:
            call: What was sent.
            outcome: What came of it.
            attempt: How often it was tried again already.
        """
        if attempt >= self.max_retries or not _worth_another_try(call, outcome):
            return None
        asked = seconds_asked(outcome.headers) if isinstance(outcome, httpx2.Response) else None
        if asked is not None:
            return asked if asked <= LONGEST_RETRY_AFTER_S else None
        return _backoff(attempt)

    def resume_delay(self, attempt: int) -> float | None:
        """Seconds to wait before a stream that broke off is gone on with, or None where it is given up."""
        return None if attempt >= self.max_retries else _backoff(attempt)

    def upload_delay(self, attempt: int) -> float | None:
        """The same for an upload in parts, with more patience: what has arrived is not lost by waiting."""
        return None if attempt >= UPLOAD_TRIES * self.max_retries else _backoff(attempt)

    def unreachable(self, error: httpx2.TransportError) -> UpstreamError:
        """What to tell when no reply came."""
        address = self.prefix or "its address"
        if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
            return UpstreamTimeout(
                f"The service at {address} fell silent: {error or type(error).__name__}.",
                hint="Give the client a longer timeout.",
            )
        return UpstreamError(
            f"The service at {address} cannot be reached: {error or type(error).__name__}.",
            hint=f"Is `ragkit serve` running at {address}? RAGKIT_URL says where to look.",
        )

    def result(self, call: Call[T], response: httpx2.Response) -> T:
        """Read a reply that was loaded.

        Raises:
            RagkitError: Of the same class as the engine would have raised.
        """
        if not response.is_success:
            raise error_of(response)
        if call.result is Mapping:
            return cast("T", response.headers)
        try:
            return call.read(response.content)
        except (ValidationError, KeyError) as error:
            raise UpstreamError(
                f"What {str(response.url)!r} answered is not understood.",
                hint="Is it a ragkit service, and of this version?",
            ) from error


def _backoff(attempt: int) -> float:
    delay: float = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0**attempt)
    return delay * random.uniform(0.5, 1.0)  # noqa: S311


def _address(url: str) -> str:
    try:
        httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ConfigError(f"{url!r} is not an address: {error}.", hint="Write it as http://host:port.") from error
    return url.rstrip("/")


def _worth_another_try(call: Call[Any], outcome: httpx2.Response | httpx2.TransportError) -> bool:
    if isinstance(outcome, httpx2.Response):
        if call.repeatable:
            return outcome.status_code in TURNED_AWAY | BROKE_OFF
        return outcome.status_code in TURNED_AWAY and _problem(outcome).get("code") in NOT_BEGUN
    return call.repeatable or isinstance(outcome, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def error_of(response: httpx2.Response) -> RagkitError:
    """The exception that a failed reply stands for."""
    problem = _problem(response)
    code = problem.get("code") or CODES_OF_PROXIES.get(response.status_code, "internal")
    return error_for(str(code))(
        problem.get("detail") or f"{str(response.url)!r} answered with status {response.status_code}.",
        hint=problem.get("hint"),
        trace_id=problem.get("trace_id"),
        retry_after=seconds_asked(response.headers),
    )


def _problem(response: httpx2.Response) -> dict[str, Any]:
    """What a failed reply tells; nothing where it is not one of ours."""
    try:
        problem = json.loads(response.content)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) and problem.get("code") else {}


PLAIN_EVENTS: Mapping[str, type[Accepted | Retrieved | Token | Verified | Failed]] = {
    "accepted": Accepted,
    "retrieved": Retrieved,
    "token": Token,
    "verdict": Verified,
    "error": Failed,
}


def event_of(name: str, data: str) -> Event | None:
    """A server-sent event as a value; None for one that this version does not know.

    Raises:
        UpstreamError: Its data is damaged.
    """
    try:
        if name == "done":
            return Done(answer=adapter(Answer).validate_json(data))
        if name == "citation":
            return Cited(citation=adapter(Citation).validate_json(data))
        if name in PLAIN_EVENTS:
            kind: Any = PLAIN_EVENTS[name]
            event: Event = adapter(kind).validate_json(data)
            return event
    except ValidationError as error:
        raise UpstreamError(
            f"The event {name!r} of the stream is not understood.", hint="Is the service of this version?"
        ) from error
    return None
