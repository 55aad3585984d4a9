"""Sending calls: again where that helps, and reading what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing
from typing import BinaryIO, TypeVar

import httpx2

from ragkit.client import calls
from ragkit.client.calls import Call
from ragkit.client.lists import Pages
from ragkit.client.resumable import on_with, uploading
from ragkit.client.wire import Wire, error_of, event_of
from ragkit.errors import RagkitError, UpstreamError
from ragkit.events import Accepted, Done, Event, Failed
from ragkit.types import Answer, Job

__all__ = ["AsyncSender", "Sender"]

T = TypeVar("T")
Outcome = httpx2.Response | httpx2.TransportError | None
"""A reply that is no stream, or what the connection ended with; none where the stream itself ended."""


class Place:
    """How far a stream was read, and so where to go on when its connection breaks off."""

    def __init__(self) -> None:
        self.trace_id = ""
        self.last = ""
        """The id of the event that was read last; empty where the stream has none."""
        self.over = False

    def take(self, sent: httpx2.ServerSentEvent) -> Event | None:
        """Note that an event was read, and give its value."""
        event = event_of(sent.event, sent.data)
        self.last = sent.id
        if isinstance(event, Accepted):
            self.trace_id = event.trace_id
        self.over = isinstance(event, Done | Failed)
        return event

    @property
    def rest(self) -> Call[Answer] | None:
        """What to call for the rest; none before anything that can be gone on with was read."""
        return calls.resume(self.trace_id, self.last) if self.trace_id and self.last else None

    @property
    def is_left(self) -> bool:
        """Whether an answer goes on that nobody reads."""
        return bool(self.trace_id and self.last and not self.over)


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

    def upload(self, name: str, source: BinaryIO, *, collection: str | None) -> Job:
        """Hand in a file, a large one in parts."""
        course = uploading(name, source, collection=collection, delay=self._wire.upload_delay)
        step = on_with(course, None)
        while not isinstance(step, Job):
            outcome: object = None
            try:
                if isinstance(step, Call):
                    outcome = self(step)
                else:
                    time.sleep(step)
            except RagkitError as error:
                outcome = error
            step = on_with(course, outcome)
        return step

    def all(self, pages: Pages[T]) -> tuple[T, ...]:
        """The entries of all pages of a list."""
        call = next(pages)
        while True:
            try:
                call = pages.send(self(call))
            except StopIteration as over:
                found: tuple[T, ...] = over.value
                return found

    def events(self, call: Call[Answer]) -> Iterator[Event]:
        place, attempt = Place(), 0
        outcome: Outcome = None
        try:
            while not place.over:
                read = place.last
                try:
                    outcome = yield from self._read(call, place)
                except httpx2.TransportError as error:
                    outcome = error
                attempt = attempt if read == place.last else 0
                delay = _delay(self._wire, call, place, outcome, attempt)
                if delay is None:
                    break
                time.sleep(delay)
                call, attempt = place.rest or call, attempt + 1
        finally:
            self._leave(place)
        if not place.over:
            raise _failure(self._wire, outcome)

    def _read(self, call: Call[Answer], place: Place) -> Generator[Event, None, httpx2.Response | None]:
        """The events of one connection; returns a reply that was none."""
        with self._http.stream(**self._wire.request(call)) as response:
            if not response.is_success:
                response.read()
                return response
            for sent in httpx2.EventSource(response):
                if event := place.take(sent):
                    yield event
                if place.over:
                    break
        return None

    def _leave(self, place: Place) -> None:
        """Have an answer ended that is read no further; one that was lost is ended by the service itself."""
        if place.is_left:
            with contextlib.suppress(httpx2.HTTPError, RuntimeError):  # the latter from a client that was closed
                self._http.request(**self._wire.request(calls.cancel(place.trace_id)))


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

    async def upload(self, name: str, source: BinaryIO, *, collection: str | None) -> Job:
        """Hand in a file, a large one in parts, which are read beside the loop."""
        course = uploading(name, source, collection=collection, delay=self._wire.upload_delay)
        step = await asyncio.to_thread(on_with, course, None)
        while not isinstance(step, Job):
            outcome: object = None
            try:
                if isinstance(step, Call):
                    outcome = await self(step)
                else:
                    await asyncio.sleep(step)
            except RagkitError as error:
                outcome = error
            step = await asyncio.to_thread(on_with, course, outcome)
        return step

    async def all(self, pages: Pages[T]) -> tuple[T, ...]:
        """The entries of all pages of a list."""
        call = next(pages)
        while True:
            page = await self(call)
            try:
                call = pages.send(page)
            except StopIteration as over:
                found: tuple[T, ...] = over.value
                return found

    async def events(self, call: Call[Answer]) -> AsyncIterator[Event]:
        place, attempt = Place(), 0
        outcome: Outcome = None
        try:
            while not place.over:
                read, outcome = place.last, None
                try:
                    async with self._http.stream(**self._wire.request(call)) as response:
                        if response.is_success:
                            async with aclosing(_taken(response, place)) as events:
                                async for event in events:
                                    yield event
                        else:
                            await response.aread()
                            outcome = response
                except httpx2.TransportError as error:
                    outcome = error
                attempt = attempt if read == place.last else 0
                delay = _delay(self._wire, call, place, outcome, attempt)
                if delay is None:
                    break
                await asyncio.sleep(delay)
                call, attempt = place.rest or call, attempt + 1
        finally:
            await self._leave(place)
        if not place.over:
            raise _failure(self._wire, outcome)

    async def _leave(self, place: Place) -> None:
        """Have an answer ended that is read no further; one that was lost is ended by the service itself."""
        if place.is_left:
            with contextlib.suppress(httpx2.HTTPError, RuntimeError):  # the latter from a client that was closed
                await self._http.request(**self._wire.request(calls.cancel(place.trace_id)))


async def _taken(response: httpx2.Response, place: Place) -> AsyncGenerator[Event]:
    async for sent in httpx2.EventSource(response):
        if event := place.take(sent):
            yield event
        if place.over:
            return


def _delay(wire: Wire, call: Call[Answer], place: Place, outcome: Outcome, attempt: int) -> float | None:
    """Seconds before a stream is tried again, or gone on with; None where it is over or lost."""
    if place.over:
        return None
    if not place.last:
        return None if outcome is None else wire.retry_delay(call, outcome, attempt)
    return None if isinstance(outcome, httpx2.Response) else wire.resume_delay(attempt)


def _failure(wire: Wire, outcome: Outcome) -> RagkitError:
    if isinstance(outcome, httpx2.Response):
        return error_of(outcome)
    if outcome is not None:
        return wire.unreachable(outcome)
    return UpstreamError("The answer broke off before its end.", hint="Ask again.")
