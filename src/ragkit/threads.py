"""Blocking work beside the event loop, bounded."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import Event, Lock
from typing import Generic, ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

__all__ = ["Once", "Threads", "Together"]

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


class Threads:
    """Runs blocking calls in threads, so many at once.

    A caller that is cancelled leaves; nothing stops a thread, and its call holds its place until it is over.
    """

    def __init__(self, limit: int) -> None:
        self._places = CapacityLimiter(limit)
        self._unlimited = CapacityLimiter(math.inf)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        place = object()
        await self._places.acquire_on_behalf_of(place)
        working = asyncio.ensure_future(
            anyio.to_thread.run_sync(partial(call, *args, **kwargs), limiter=self._unlimited)
        )
        working.add_done_callback(lambda _: self._places.release_on_behalf_of(place))
        return await asyncio.shield(working)


class Once(Generic[T]):
    """Makes something costly at the first call, once, whichever thread asks; a failure is tried again."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = Lock()

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    def close(self, close: Callable[[T], object]) -> None:
        """Let go of it, if it was made."""
        with self._lock:
            while self._made:
                close(self._made.pop())


class Together(Generic[A, B]):
    """Does at once what several threads ask for at about the same time.

    Who asks while nothing runs is served immediately, and alone; those who come meanwhile are served together next.

    Args:
        serve: Gives a result for each of some requests, in their order. It runs in one thread at a time.
        most: Requests that are served at once.
    """

    def __init__(self, serve: Callable[[Sequence[A]], Iterable[B]], *, most: int) -> None:
        self._serve = serve
        self._most = most
        self._waiting: list[_Request[A, B]] = []
        self._serving = False
        self._lock = Lock()

    def __call__(self, wanted: A) -> B:
        mine: _Request[A, B] = _Request(wanted)
        with self._lock:
            self._waiting.append(mine)
            waits, self._serving = self._serving, True
        if waits:
            mine.turn.wait()
        if not mine.results and mine.failure is None:
            self._serve_waiting()
        if mine.failure is not None:
            raise mine.failure
        return mine.results[0]

    def _serve_waiting(self) -> None:
        """Serve the first of those who wait, and wake them, and one of the others to do the same for these."""
        with self._lock:
            served, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            results = self._serve([request.wanted for request in served])
            for request, result in zip(served, results, strict=True):
                request.results.append(result)
        except BaseException as error:
            for request in served:
                request.failure = error
        with self._lock:
            self._serving = bool(self._waiting)
            woken = [*served, *self._waiting[:1]]
        for request in woken:
            request.turn.set()


class _Request(Generic[A, B]):
    def __init__(self, wanted: A) -> None:
        self.wanted = wanted
        self.turn = Event()
        self.results: list[B] = []
        self.failure: BaseException | None = None
