"""Who may call: everybody who shows a key or a token; without any key, only what comes from this machine on purpose."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.callers import Principal
from ragkit.errors import NotAllowed, RagkitError, Unauthenticated
from ragkit.service.errors import problem, tell
from ragkit.service.paths import path_of

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit
    from ragkit.keys.quotas import Standing
    from ragkit.keys.tokens import TokenVerifier

__all__ = ["Gate"]

OPEN_PATHS = ("/healthz", "/readyz", "/docs", "/openapi.json", "/static-offline-docs/", "/page/")
"""What needs no key, and begins so: probes, the documentation of the API, and the parts of the chat page."""
LOOPBACK_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
LOOPBACK_ORIGIN = re.compile(f"https?://{LOOPBACK_HOST.pattern}", re.IGNORECASE)
NAME_DIGITS = 32
"""Of the hash of a key of the settings, which names the caller: what belongs to one key is not seen with another."""
TOKEN_DOTS = 2
"""In a signed token; there is none in a key."""
LOOKUPS = 4
"""Threads that look keys up, as many that verify tokens and may have to wait for the provider, and as many that count
requests and may have to wait for who writes; searches have their own, and keep nobody out."""


class Gate:
    """Finds out who calls, for the rights of the routes, and counts the requests of each key.

    A service without keys listens on loopback, where any web page in a browser on this machine could reach it: under a
    name of its own that resolves to loopback (DNS rebinding), or by posting a form. `Host` and `Origin` show it.

    Args:
        app: What comes after.
        kit: Whose keys these are.
        keys: Others that open everything.
        origins: Web pages that may call also a service without keys, each by its name.
        tokens: Verifies tokens of an identity provider, which are taken beside keys.
    """

    def __init__(
        self,
        app: ASGIApp,
        kit: AsyncRagkit,
        keys: Sequence[str],
        origins: Sequence[str] = (),
        tokens: TokenVerifier | None = None,
    ) -> None:
        self._app = app
        self._kit = kit
        self._digests = [_digest(key) for key in keys]
        self._tokens = tokens
        self._origins = frozenset(origins) - {"*"}
        self._limiter, self._counting, self._verifying = (CapacityLimiter(LOOKUPS) for _ in range(3))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state, standing = scope["state"], None
        try:
            state["caller"] = caller = await self._admit(scope, Headers(scope=scope))
            if caller is not None and caller.metered and not _is_open(path_of(scope)):
                standing = await anyio.to_thread.run_sync(self._kit.quotas.count, caller, limiter=self._counting)
        except RagkitError as error:
            tell(error, scope)
            # Nobody has been let in yet: where the catalog is, and why it fails, is for the log.
            hidden = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            await problem(type(error)(trace_id=error.trace_id) if hidden else error, scope)(scope, receive, send)
            return
        await self._app(scope, receive, _telling(send, standing) if standing else send)

    async def _admit(self, scope: Scope, headers: Headers) -> Principal | None:
        """Who calls; nobody in particular where that does not matter. Raises where an unknown caller may not go on."""
        if not (self._digests or self._tokens or await self._has_keys()):
            _refuse_other_machines(scope)
            _refuse_web_pages(headers, self._origins)
            return Principal(role="admin")
        secret = _secret(headers)
        caller = await self._known(secret) if secret else None
        if caller is None and not _is_open(path_of(scope)):
            raise Unauthenticated(
                "This service needs an API key, and the one sent is missing, wrong or has expired.",
                hint="Send it as 'Authorization: Bearer …'; the SDK and the command line read RAGKIT_API_KEY.",
            )
        return caller

    async def _has_keys(self) -> bool:
        remembered = self._kit.registry.remembers_any()
        if remembered is not None:
            return remembered
        return await anyio.to_thread.run_sync(self._kit.registry.any, limiter=self._limiter)

    async def _known(self, secret: str) -> Principal | None:
        # All are compared, each in constant time: how long it takes says nothing about any of them.
        digest = _digest(secret)
        if any([hmac.compare_digest(digest, known) for known in self._digests]):  # noqa: C419
            return Principal(role="admin", name=f"key {digest.hex()[:NAME_DIGITS]}")
        if (remembered := self._kit.registry.remembered(secret)) is not None:
            return remembered
        if self._tokens is not None and secret.count(".") == TOKEN_DOTS:
            return await anyio.to_thread.run_sync(self._tokens.caller, secret, limiter=self._verifying)
        return await anyio.to_thread.run_sync(self._kit.registry.caller, secret, limiter=self._limiter)


def _is_open(path: str) -> bool:
    return path == "/" or path.startswith(OPEN_PATHS)


def _telling(send: Send, standing: Standing) -> Send:
    """Tells also where the key stands, as `RateLimit-*` (draft-ietf-httpapi-ratelimit-headers-06)."""

    async def send_with_standing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("RateLimit-Limit", str(standing.most))
            headers.setdefault("RateLimit-Remaining", str(standing.left))
            headers.setdefault("RateLimit-Reset", str(standing.resets_s))
        await send(message)

    return send_with_standing


def _secret(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _refuse_other_machines(scope: Scope) -> None:
    """`ragkit serve` binds nothing else without keys; another server that runs the application may."""
    try:
        local = ipaddress.ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:  # a socket of this machine, or a test
        local = True
    if not local:
        raise Unauthenticated(
            "A service without keys answers this machine only.", hint="Set RAGKIT_API_KEYS, or `ragkit keys create`."
        )


def _refuse_web_pages(headers: Headers, allowed: frozenset[str]) -> None:
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not LOOPBACK_HOST.fullmatch(hosts[0]):
        raise NotAllowed(
            f"A service without keys answers to 'localhost' only, not to {', '.join(hosts)!r}.",
            hint="Set RAGKIT_API_KEYS to serve under another name.",
        )
    for origin in headers.getlist("origin"):
        if origin not in allowed and not LOOPBACK_ORIGIN.fullmatch(origin):
            raise NotAllowed(
                f"A service without keys takes no requests from the web page {origin!r}.",
                hint="Name it in RAGKIT_CORS_ORIGINS, or set RAGKIT_API_KEYS and have the page's server call the "
                "service.",
            )
