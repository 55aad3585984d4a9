"""A circuit breaker: what has failed again and again is left alone for a while.

As in Nygard's "Release It!". Those that exist hold a lock for the length of a call, so that one slow call would hold up
all others.
"""

from __future__ import annotations

import time
from threading import Lock

__all__ = ["Breaker"]


class Breaker:
    """Counts failures in a row; open, it lets one call through every `rest_s` seconds, until one succeeds.

    Args:
        failures: Failures in a row that open it.
        rest_s: Seconds before an open one lets a call try again.
    """

    def __init__(self, *, failures: int, rest_s: float) -> None:
        self._limit = failures
        self._rest_s = rest_s
        self._failures = 0
        self._again_at = 0.0
        self._lock = Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for a trial now and then."""
        return self._failures >= self._limit

    def allows(self) -> bool:
        """Whether to call now; of an open breaker, one caller hears yes."""
        with self._lock:
            if not self.is_open:
                return True
            moment = time.monotonic()
            if moment < self._again_at:
                return False
            self._again_at = moment + self._rest_s
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._again_at = time.monotonic() + self._rest_s

    def rest(self, seconds: float) -> None:
        """Open it for so long at least, as the other side asked for."""
        with self._lock:
            self._failures = max(self._failures, self._limit)
            self._again_at = max(self._again_at, time.monotonic() + seconds)
