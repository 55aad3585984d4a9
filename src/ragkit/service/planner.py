"""Starts pipelines by themselves: at the times of their schedules, and when a folder that they follow has changed.

Every worker has a planner. A scheduled run is a job whose id is made of the pipeline and the minute, so that of several
workers one adds it; folders are followed by the one that holds a lock.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ragkit.errors import RagkitError
from ragkit.ingest.named import pipeline_named
from ragkit.ingest.pipelines import Pipeline, load_pipelines
from ragkit.ingest.schedule import due
from ragkit.ingest.sources import Root
from ragkit.ingest.watch import folder_changes, follow
from ragkit.jobs.ledger import JobLedger
from ragkit.jobs.locks import TryLock

__all__ = ["Planner", "minutes"]

log = logging.getLogger(__name__)

TICK_S = 2.0
LOOK_AGAIN_S = 20.0
LONGEST_SLEEP = timedelta(hours=24)
"""What a machine has slept through beyond this is not made up for."""


class Planner:
    """Adds jobs for the pipelines of a folder.

    Args:
        folder: Of the pipeline files; it may be missing, or empty.
        ledger: Where jobs are added.
        try_lock: Shared by the workers of a catalog.
        settle_s: How long files must stay as they are before they are read, in seconds.
        look_again_s: After so many seconds it is seen that other folders are to be followed.
    """

    def __init__(
        self,
        folder: Path,
        ledger: JobLedger,
        try_lock: TryLock,
        *,
        settle_s: float,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._settle_s = settle_s
        self._look_again_s = look_again_s
        self._folder = folder
        self._ledger = ledger
        self._try_lock = try_lock

    def start(self, stop: threading.Event) -> None:
        """Plan in threads, until `stop` is set."""
        for work in (self._keep_schedules, self._keep_watch):
            threading.Thread(target=work, args=(stop,), name=f"ragkit{work.__name__}", daemon=True).start()

    def plan(self, since: datetime, now: datetime) -> None:
        """Add the runs that are due after one moment and not after another, by the clock on the wall."""
        for minute in minutes(since, now):
            # Read again each minute: files may be changed while the worker runs.
            for name in due(self._pipelines(), minute - timedelta(minutes=1), minute):
                self._add(name, scheduled=minute)

    def _keep_schedules(self, stop: threading.Event) -> None:
        since = datetime.now()
        while not stop.wait(TICK_S):
            now = datetime.now()
            self.plan(max(since, now - LONGEST_SLEEP), now)
            since = now

    def _keep_watch(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if release := self._try_lock("watch"):
                try:
                    self._watch(stop)
                finally:
                    release()
            stop.wait(TICK_S)

    def _watch(self, stop: threading.Event) -> None:
        roots = self._followed()
        if not roots:
            stop.wait(self._look_again_s)
            return
        try:
            follow(roots, self._add, changes=self._changes(roots, stop), settle_s=self._settle_s)
        except RagkitError as error:
            log.error("Folders are not followed: %s", error.detail)
            stop.wait(self._look_again_s)

    def _followed(self) -> dict[str, list[Root]]:
        return {pipeline.name: [pipeline.root] for pipeline in self._pipelines() if pipeline.watch}

    def _changes(self, roots: dict[str, list[Root]], stop: threading.Event) -> Iterator[Collection[str]]:
        """What changes in the folders, as long as they are the ones to follow."""
        look_at = time.monotonic() + self._look_again_s
        for paths in folder_changes(roots, stop):
            yield paths
            if time.monotonic() > look_at:
                if self._followed() not in ({}, roots):  # none: a file is being edited
                    return
                look_at = time.monotonic() + self._look_again_s

    def _add(self, name: str, *, scheduled: datetime | None = None) -> None:
        try:
            pipeline = pipeline_named(self._folder, name)
            self._ledger.add_pipeline(name, collection=pipeline.collection, scheduled=scheduled)
        except RagkitError as error:
            log.error("The pipeline %s could not be started: %s", name, error.detail)

    def _pipelines(self) -> list[Pipeline]:
        if not any(self._folder.glob("*.toml")):
            return []
        try:
            return load_pipelines(self._folder)
        except RagkitError as error:
            log.error("No pipeline is started by itself: %s", error.detail)
            return []


def minutes(since: datetime, now: datetime) -> Iterator[datetime]:
    """The full minutes after one moment and not after another."""
    minute = since.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute <= now:
        yield minute
        minute += timedelta(minutes=1)
