"""Which web pages elsewhere may call the service, as browsers ask it (the CORS protocol of the Fetch standard)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

__all__ = ["cors"]

SENT = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "Tus-Resumable",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-API-Key",
    "X-HTTP-Method-Override",
    "X-Requested-With",
)
TOLD = (
    "Content-Disposition",
    "Idempotency-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-Job-Id",
    "X-Trace-Id",
)
REMEMBERED_S = 600


def cors(origins: Sequence[str]) -> list[Middleware]:
    """Nothing where no origin may call. It stands before the gate: a browser asks first, and without the key."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=SENT,
            expose_headers=TOLD,
            max_age=REMEMBERED_S,
        )
    ]
