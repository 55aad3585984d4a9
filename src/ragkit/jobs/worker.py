"""The worker: relays queued jobs into the workflow engine, and takes over what dead workers left behind.

Any number of workers share one catalog. Each holds the lock of one slot, whose name is its executor id; a slot that has
work under way while its lock is free belonged to a worker that died.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import RagkitError
from ragkit.jobs.ledger import JobLedger, Work
from ragkit.jobs.locks import TryLock, file_locks, postgres_locks
from ragkit.jobs.progress import OnProgress, Reporter, Stopped
from ragkit.types import IngestReport

if TYPE_CHECKING:
    from ragkit.jobs.workflows import Workflows

__all__ = ["Worker", "any_worker", "worker_locks", "workflow_url"]

log = logging.getLogger(__name__)

RELAY_S = 0.2
SWEEP_S = 2.0
SLOTS_LOOKED_AT = 8
"""Workers take the lowest free slot, so of any number one is soon among the first."""


def worker_locks(home: Path, database_url: str | None) -> TryLock:
    """The locks that the workers of this catalog share."""
    return postgres_locks(database_url) if database_url else file_locks(home / "workers")


def any_worker(try_lock: TryLock) -> bool:
    """Whether a worker is running, on any machine that shares these locks."""
    for number in range(1, SLOTS_LOOKED_AT + 1):
        release = try_lock(_slot_name(number))
        if release is None:
            return True
        release()
    return False


def workflow_url(home: Path, database_url: str | None) -> str:
    """Where workflows are kept: beside the catalog, in tables of their own."""
    return database_url or f"sqlite:///{home / 'jobs.db'}"


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Takes jobs from the ledger and runs them.

    Args:
        ledger: Where jobs come from and results go.
        ingest: Does the work of a job; called from several threads, and again after a crash.
        url: The database of the workflow engine.
        try_lock: From `worker_locks`.
        concurrency: Jobs at once.
    """

    ledger: JobLedger
    ingest: Callable[[Work, OnProgress], IngestReport]
    url: str
    try_lock: TryLock
    concurrency: int = 2

    def run(self, stop: threading.Event, *, grace_s: int = 5) -> None:
        """Work until `stop` is set, then for at most `grace_s` seconds on what is under way."""
        from ragkit.jobs.workflows import Workflows

        with _slot(self.try_lock) as slot:
            workflows = Workflows(
                url=self.url,
                executor_id=slot,
                run=lambda workflow_id: self._job(workflow_id, stop),
                failed=self._failed,
                concurrency=self.concurrency,
            )
            try:
                self._relay(workflows, slot, stop)
            finally:
                workflows.close(grace_s=grace_s)

    def _relay(self, workflows: Workflows, slot: str, stop: threading.Event) -> None:
        relayed: set[str] = set()
        for turn in itertools.count():
            if turn % round(SWEEP_S / RELAY_S) == 0:
                self._adopt(workflows, slot)
                self._reconcile(workflows)
            # Jobs of one document or pipeline are relayed one at a time, in the order in which they were accepted: two
            # that reach the queue in the same millisecond could leave it in either.
            ready = self.ledger.ready()
            for work in ready:
                if work.workflow_id not in relayed:
                    workflows.enqueue(work.workflow_id, order_key=work.order_key)
            relayed = {work.workflow_id for work in ready}
            if stop.wait(RELAY_S):
                return

    def _adopt(self, workflows: Workflows, slot: str) -> None:
        """Run again what was under way in a worker that is dead."""
        for other in workflows.executors() - {slot}:
            if release := self.try_lock(other):
                try:
                    log.warning("Taking over the jobs of %s, which is gone.", other)
                    workflows.recover([other])
                finally:
                    release()

    def _reconcile(self, workflows: Workflows) -> None:
        """Bring jobs in line whose workflow was lost or was given up."""
        under_way = {work.workflow_id: work for work in self.ledger.under_way()}
        ready = {work.workflow_id for work in self.ledger.ready()}
        queued = {work.workflow_id for work in self.ledger.under_way(only_queued=True)}
        for workflow_id, progress in workflows.progress(list(under_way)).items():
            work = under_way[workflow_id]
            match progress:
                case "unknown" if workflow_id in ready or workflow_id not in queued:
                    workflows.enqueue(workflow_id, order_key=work.order_key)
                case "ended":
                    self.ledger.fail(
                        work.job_id,
                        "The worker died again and again while it worked on this file.",
                        attempt=work.attempt,
                    )
                case _:
                    pass

    def _job(self, workflow_id: str, stop: threading.Event) -> None:
        work = self.ledger.work(workflow_id.partition(".")[0])
        # A workflow of an earlier attempt has nothing to do any more.
        if work.workflow_id != workflow_id or not self.ledger.start(work.job_id):
            return
        try:
            report = self.ingest(work, Reporter(self.ledger, work.job_id, stop))
        except Stopped as stopped:
            if not self.ledger.heed(work.job_id, stopped.wish):
                self.ledger.queue_again(work.job_id)
        else:
            self.ledger.finish(work.job_id, report)

    def _failed(self, workflow_id: str, error: BaseException) -> None:
        job_id = workflow_id.partition(".")[0]
        if isinstance(error, RagkitError):
            self.ledger.fail(job_id, error.detail)
            return
        log.error("Job %s failed.", job_id, exc_info=error)
        self.ledger.fail(job_id, "Something went wrong inside ragkit; the worker's log has the details.")


@contextlib.contextmanager
def _slot(try_lock: TryLock) -> Iterator[str]:
    """Hold the lowest free slot: a worker that is started again finds its own work there."""
    for number in itertools.count(1):
        slot = _slot_name(number)
        if release := try_lock(slot):
            try:
                yield slot
            finally:
                release()
            return


def _slot_name(number: int) -> str:
    return f"worker-{number}"
