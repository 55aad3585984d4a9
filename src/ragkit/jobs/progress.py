"""How a running job tells how far it is, and is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ragkit.jobs.ledger import JobLedger
from ragkit.types import JobProgress

__all__ = ["OnProgress", "Reporter", "Stopped"]

OnProgress = Callable[[JobProgress], None]

EVERY_S = 0.25


class Stopped(Exception):
    """A job stops before its end; what is live stays.

    Attributes:
        wish: `pause` or `cancel`; empty when the worker itself is stopped.
    """

    def __init__(self, wish: str) -> None:
        super().__init__(wish)
        self.wish = wish


class Reporter:
    """Writes the progress of a job a few times a second, and raises `Stopped` when it is to stop.

    Args:
        ledger: Where it is written.
        job_id: Whose it is.
        stop: Set when the worker is to stop.
    """

    def __init__(self, ledger: JobLedger, job_id: str, stop: threading.Event) -> None:
        self._ledger = ledger
        self._job_id = job_id
        self._stop = stop
        self._next = 0.0
        self._lock = threading.Lock()

    def __call__(self, progress: JobProgress) -> None:
        """Called after each document, from any thread."""
        is_over = progress.done >= progress.found
        with self._lock:
            moment = time.monotonic()
            if moment < self._next and not is_over and not self._stop.is_set():
                return
            self._next = moment + EVERY_S
        wish = self._ledger.report_progress(self._job_id, progress)
        # With nothing left to do it is as well to finish.
        if not is_over and (wish or self._stop.is_set()):
            raise Stopped(wish)
