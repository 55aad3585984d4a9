"""Sending calls: again where that helps, and reading what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import TypeVar

import httpx2

from ragkit.client.calls import Call
from ragkit.client.wire import Wire, error_of, event_of
from ragkit.errors import UpstreamError
from ragkit.events import Done, Event, Failed
from ragkit.types import Answer

__all__ = ["AsyncSender", "Sender"]

T = TypeVar("T")


class Sender:
    """Sends calls and reads the replies."""

    def __init__(self, wire: Wire, http: httpx2.Client) -> None:
        self._wire = wire
        self._http = http

    def __call__(self, call: Call[T]) -> T:
        attempt = 0
        while True:
            outcome: httpx2.Response | httpx2.TransportError
            try:
                outcome = self._http.request(**self._wire.request(call))
            except httpx2.TransportError as error:
                outcome = error
            delay = self._wire.retry_delay(call, outcome, attempt)
            if delay is None:
                break
            time.sleep(delay)
            attempt += 1
        if isinstance(outcome, httpx2.TransportError):
            raise self._wire.unreachable(outcome) from outcome
        return self._wire.result(call, outcome)

    def events(self, call: Call[Answer]) -> Iterator[Event]:
        attempt = 0
        while True:
            outcome: httpx2.Response | httpx2.TransportError
            try:
                with self._http.stream(**self._wire.request(call)) as outcome:
                    if outcome.is_success:
                        yield from _events(outcome)
                        return
                    outcome.read()
            except httpx2.TransportError as error:
                outcome = error
            delay = self._wire.retry_delay(call, outcome, attempt)
            if delay is None:
                break
            time.sleep(delay)
            attempt += 1
        if isinstance(outcome, httpx2.TransportError):
            raise self._wire.unreachable(outcome) from outcome
        raise error_of(outcome)


def _events(response: httpx2.Response) -> Iterator[Event]:
    for sent in httpx2.EventSource(response):
        event = event_of(sent.event, sent.data)
        if event is not None:
            yield event
        if isinstance(event, Done | Failed):
            return
    raise _broke_off()


class AsyncSender:
    """The same on an event loop."""

    def __init__(self, wire: Wire, http: httpx2.AsyncClient) -> None:
        self._wire = wire
        self._http = http

    async def __call__(self, call: Call[T]) -> T:
        attempt = 0
        while True:
            outcome: httpx2.Response | httpx2.TransportError
            try:
                outcome = await self._http.request(**self._wire.request(call))
            except httpx2.TransportError as error:
                outcome = error
            delay = self._wire.retry_delay(call, outcome, attempt)
            if delay is None:
                break
            await asyncio.sleep(delay)
            attempt += 1
        if isinstance(outcome, httpx2.TransportError):
            raise self._wire.unreachable(outcome) from outcome
        return self._wire.result(call, outcome)

    async def events(self, call: Call[Answer]) -> AsyncIterator[Event]:
        attempt = 0
        while True:
            outcome: httpx2.Response | httpx2.TransportError
            try:
                async with self._http.stream(**self._wire.request(call)) as outcome:
                    if outcome.is_success:
                        async with aclosing(_aevents(outcome)) as events:
                            async for event in events:
                                yield event
                        return
                    await outcome.aread()
            except httpx2.TransportError as error:
                outcome = error
            delay = self._wire.retry_delay(call, outcome, attempt)
            if delay is None:
                break
            await asyncio.sleep(delay)
            attempt += 1
        if isinstance(outcome, httpx2.TransportError):
            raise self._wire.unreachable(outcome) from outcome
        raise error_of(outcome)


async def _aevents(response: httpx2.Response) -> AsyncGenerator[Event]:
    async for sent in httpx2.EventSource(response):
        event = event_of(sent.event, sent.data)
        if event is not None:
            yield event
        if isinstance(event, Done | Failed):
            return
    raise _broke_off()


def _broke_off() -> UpstreamError:
    return UpstreamError("The answer broke off before its end.", hint="Ask again.")
