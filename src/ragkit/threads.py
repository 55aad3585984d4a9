"""Blocking work beside the event loop, bounded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Generic, ParamSpec, TypeVar

import anyio
from anyio import CapacityLimiter

__all__ = ["Once", "Threads"]

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs blocking calls in threads, so many at once."""

    def __init__(self, limit: int) -> None:
        self.limiter = CapacityLimiter(limit)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await anyio.to_thread.run_sync(partial(call, *args, **kwargs), limiter=self.limiter)


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
