"""Every error that ragkit raises, on both sides of HTTP.

    RagkitError                       internal            500
    ├── ConfigError                   config              500
    │   └── MissingExtra              missing_extra       500
    ├── InputError                    invalid_input       422
    │   ├── UnsupportedFormat         unsupported_format  415
    │   ├── TooLarge                  too_large           413
    │   └── ParseFailed               parse_failed        422
    │       └── NeedsOcr              needs_ocr           422
    ├── NotFound                      not_found           404
    ├── Conflict                      conflict            409
    │   └── Locked                    locked              423
    ├── Unauthenticated               unauthenticated     401
    ├── NotAllowed                    not_allowed         403
    ├── Busy                          busy                429
    │   └── OverQuota                 over_quota          429
    ├── Overloaded                    overloaded          503
    ├── TimedOut                      timed_out           504
    ├── StorageError                  storage             507
    └── UpstreamError                 upstream            502
        ├── UpstreamTimeout           upstream_timeout    504
        └── UpstreamRateLimited       upstream_limited    503

A class docstring is the default message. The service writes `code`, `detail` and `hint` as `application/problem+json`;
the SDK maps `code` back to the same class; the command line prints `error:` and `hint:` and exits 1.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "Busy",
    "ConfigError",
    "Conflict",
    "InputError",
    "Locked",
    "MissingExtra",
    "NeedsOcr",
    "NotAllowed",
    "NotFound",
    "OverQuota",
    "Overloaded",
    "ParseFailed",
    "RagkitError",
    "StorageError",
    "TimedOut",
    "TooLarge",
    "Unauthenticated",
    "UnsupportedFormat",
    "UpstreamError",
    "UpstreamRateLimited",
    "UpstreamTimeout",
    "error_for",
    "seconds_asked",
]


class RagkitError(Exception):
    """Something went wrong inside ragkit."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(
        self,
        detail: str | None = None,
        *,
        hint: str | None = None,
        trace_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.detail = detail or inspect.cleandoc(type(self).__doc__ or "")
        self.hint = hint
        self.trace_id = trace_id
        self.retry_after = retry_after
        """Seconds to wait before the next try, where the other side said so."""
        super().__init__(self.detail)

    def __reduce__(self) -> tuple[object, ...]:
        # Parser processes send their errors home: keep the keyword arguments through pickle.
        return (_rebuild, (type(self), self.detail, self.hint, self.trace_id, self.retry_after))


class ConfigError(RagkitError):
    """A setting is missing or wrong."""

    code = "config"


class MissingExtra(ConfigError):
    """An optional part of ragkit is not installed."""

    code = "missing_extra"


class InputError(RagkitError):
    """The request cannot be used as it is."""

    code = "invalid_input"
    status = 422


class UnsupportedFormat(InputError):
    """No parser reads this kind of file."""

    code = "unsupported_format"
    status = 415


class TooLarge(InputError):
    """The input is larger than the limit."""

    code = "too_large"
    status = 413


class ParseFailed(InputError):
    """The file could not be read."""

    code = "parse_failed"


class NeedsOcr(ParseFailed):
    """The file is a picture of text: there are pages, but no words on them."""

    code = "needs_ocr"


class NotFound(RagkitError):
    """There is nothing by that name."""

    code = "not_found"
    status = 404


class Conflict(RagkitError):
    """The state has changed, or does not allow this."""

    code = "conflict"
    status = 409


class Locked(Conflict):
    """Another request is at work on it."""

    code = "locked"
    status = 423


class Unauthenticated(RagkitError):
    """An API key is needed."""

    code = "unauthenticated"
    status = 401


class NotAllowed(RagkitError):
    """This key may not do that."""

    code = "not_allowed"
    status = 403


class Busy(RagkitError):
    """Too much work is waiting."""

    code = "busy"
    status = 429


class OverQuota(Busy):
    """The key has used as much as it may."""

    code = "over_quota"

    most: float | None = None
    """Of the limit that was met, where that is known."""


class Overloaded(RagkitError):
    """The service has as much work as it can do in time."""

    code = "overloaded"
    status = 503


class TimedOut(RagkitError):
    """The answer took longer than it may."""

    code = "timed_out"
    status = 504


class StorageError(RagkitError):
    """The disk or the database refused to work."""

    code = "storage"
    status = 507


class UpstreamError(RagkitError):
    """A model provider failed."""

    code = "upstream"
    status = 502


class UpstreamTimeout(UpstreamError):
    """A model provider did not answer in time."""

    code = "upstream_timeout"
    status = 504


class UpstreamRateLimited(UpstreamError):
    """A model provider asks to slow down."""

    code = "upstream_limited"
    status = 503


def seconds_asked(headers: Mapping[str, str]) -> float | None:
    """What a `Retry-After` asks for, a number or a date (RFC 9110, section 10.2.3); none where there is neither."""
    import datetime
    import email.utils

    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)  # `-0000` is UTC, without a zone
        seconds = (moment - datetime.datetime.now(datetime.UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _rebuild(
    kind: type[RagkitError],
    detail: str,
    hint: str | None,
    trace_id: str | None,
    retry_after: float | None,
) -> RagkitError:
    return kind(detail, hint=hint, trace_id=trace_id, retry_after=retry_after)


def error_for(code: str) -> type[RagkitError]:
    """The class whose `code` this is; `RagkitError` for a code that this version does not know."""
    waiting: list[type[RagkitError]] = [RagkitError]
    while waiting:
        kind = waiting.pop()
        if kind.code == code:
            return kind
        waiting.extend(kind.__subclasses__())
    return RagkitError
