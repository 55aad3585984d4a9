"""Requests that are sent again because a reply was lost: with an `Idempotency-Key` they get the reply there was."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.errors import InputError
from ragkit.service.errors import of_http, problem

__all__ = ["Idempotency"]

KEPT_S, MOST_KEPT = 600.0, 2_000
"""How long replies are kept, and how many."""
MOST_BYTES, MOST_BYTES_OF_ALL = 1_000_000, 64_000_000
"""How long one may be, and all of them together; the oldest go first."""
LONGEST_KEY = 200
NOT_KEPT = frozenset({408, 429, 499})
"""What another try may turn out better than; failures of the service are not kept either."""


@dataclass(slots=True)
class _Reply:
    """The reply to a request, or that it is under way."""

    fingerprint: bytes
    since: float
    over: asyncio.Event = field(default_factory=asyncio.Event)
    messages: list[Message] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(len(message.get("body", b"")) for message in self.messages)


class Idempotency:
    """Keeps the replies to POSTs with JSON and a key, for the caller that sent it, in this process and for a while.

    Uploads need none: equal bytes under an equal name change nothing. Streams are not kept; they can be resumed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._replies: OrderedDict[tuple[str, str], _Reply] = OrderedDict()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        key = headers.get("idempotency-key")
        if key is None or scope["method"] != "POST" or not _is_json(headers):
            await self._app(scope, receive, send)
            return
        if not 0 < len(key) <= LONGEST_KEY:
            error = InputError(f"Idempotency-Key: it must have 1 to {LONGEST_KEY} characters.")
            await problem(error, scope)(scope, receive, send)
            return
        try:
            body = await _body(receive)
        except HTTPException as error:
            await problem(of_http(error, scope), scope, status=error.status_code)(scope, receive, send)
            return
        if body is None:
            return
        caller = scope["state"].get("caller")
        mine = (caller.name if caller else "", key)
        fingerprint = _fingerprint(scope, body)
        while (known := self._known(mine)) is not None:
            if known.fingerprint != fingerprint:
                await problem(_used(key), scope)(scope, receive, send)
                return
            await known.over.wait()
            if known.messages:
                await _again(known.messages, send)
                return
        await self._first(mine, _Reply(fingerprint, time.monotonic()), scope, _given(body, receive), send)

    def _known(self, mine: tuple[str, str]) -> _Reply | None:
        before = time.monotonic() - KEPT_S
        while self._replies:
            oldest, reply = next(iter(self._replies.items()))
            if len(self._replies) <= MOST_KEPT and self._bytes <= MOST_BYTES_OF_ALL and reply.since > before:
                break
            self._bytes -= self._replies.pop(oldest).size
        return self._replies.get(mine)

    async def _first(self, mine: tuple[str, str], reply: _Reply, scope: Scope, receive: Receive, send: Send) -> None:
        self._replies[mine] = reply
        sent: list[Message] = []

        async def send_and_keep(message: Message) -> None:
            sent.append(dict(message))  # as it is now: what stands around adds its headers to each reply
            await send(message)

        try:
            await self._app(scope, receive, send_and_keep)
        finally:
            is_known = self._replies.get(mine) is reply
            if _is_worth_keeping(sent):
                reply.messages = sent
                self._bytes += reply.size if is_known else 0
            elif is_known:
                del self._replies[mine]
            reply.over.set()


def _is_json(headers: Headers) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().casefold() == "application/json"


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    asked = f"{scope['path']}?".encode() + bytes(scope.get("query_string", b"")) + b"\n"
    return hashlib.sha256(asked + body).digest()


def _used(key: str) -> InputError:
    return InputError(
        f"Idempotency-Key: {key[:40]!r} was sent before with another request.",
        hint="Take a new key for each request, and the same one only to send it again.",
    )


def _is_worth_keeping(sent: list[Message]) -> bool:
    """Whether it is a whole reply, of some length, that another try would not change."""
    if not sent or sent[-1].get("more_body", False) or sent[-1]["type"] != "http.response.body":
        return False
    status = int(sent[0]["status"])
    size = sum(len(message.get("body", b"")) for message in sent)
    is_stream = Headers(raw=sent[0]["headers"]).get("content-type", "").startswith("text/event-stream")
    return status < 500 and status not in NOT_KEPT and size <= MOST_BYTES and not is_stream


async def _body(receive: Receive) -> bytes | None:
    """The whole body; none where the client left before it was sent."""
    body = bytearray()
    while (message := await receive())["type"] != "http.disconnect":
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)
    return None


def _given(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read already, and then what comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again


async def _again(messages: list[Message], send: Send) -> None:
    head, *rest = messages
    headers = MutableHeaders(raw=list(head["headers"]))
    headers["Idempotency-Replayed"] = "true"
    await send({**head, "headers": headers.raw})
    for message in rest:
        await send(message)
