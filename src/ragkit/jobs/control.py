"""Pausing, resuming, cancelling and retrying jobs: what a user wishes, as changes of the `jobs` table.

A job that runs is asked, and stops after the batch under way; what is live stays live.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CursorResult, Update, null, update
from sqlalchemy.exc import IntegrityError

from ragkit.errors import Conflict
from ragkit.jobs.ledger import JobLedger
from ragkit.store.engine import Database, now
from ragkit.store.tables import jobs
from ragkit.types import Job

__all__ = ["JobControl"]


class JobControl:
    """Changes what becomes of jobs; each method returns the job as it is afterwards.

    Raises:
        NotFound: No job has this id.
        Conflict: The job is in a state that does not allow it.
    """

    def __init__(self, database: Database, ledger: JobLedger) -> None:
        self._database = database
        self._ledger = ledger

    def pause(self, job_id: str) -> Job:
        """Stop after the batch under way, until it is resumed."""
        self._first(
            _set(job_id, "queued").values(state="paused"),
            _set(job_id, "running").values(wish="pause"),
        )
        return self._expect(job_id, "paused", "running", cannot="be paused")

    def resume(self, job_id: str) -> Job:
        """Go on where it was paused."""
        self._first(
            _set(job_id, "paused").values(state="queued", attempt=jobs.c.attempt + 1),
            _set(job_id, "running").where(jobs.c.wish == "pause").values(wish=None),
        )
        return self._expect(job_id, "queued", "running", cannot="be resumed")

    def cancel(self, job_id: str) -> Job:
        """Stop after the batch under way, for good."""
        self._first(
            _set(job_id, "queued", "paused").values(state="cancelled"),
            _set(job_id, "running").values(wish="cancel"),
        )
        return self._expect(job_id, "cancelled", "running", cannot="be cancelled")

    def retry(self, job_id: str) -> Job:
        """Try the documents again that failed; a job that broke off starts again."""
        job = self._ledger.get(job_id)
        failed = [failure.uri for failure in job.report.failed] if job.report else []
        if job.state not in {"done", "failed"} or (job.state == "done" and not failed):
            raise Conflict(
                f"The job {job_id!r} is {job.state}, and nothing in it has failed.",
                hint="`ragkit jobs start` runs a pipeline again.",
            )
        if job.kind == "ingest" and not self._ledger.work(job_id).file_sha256:
            raise Conflict("Its file was erased with its document.", hint="Upload it again.")
        again = {"state": "queued", "attempt": jobs.c.attempt + 1, "error": None, "progress": null()}
        self._first(_set(job_id, job.state).values(only=failed or null(), **again))
        return self._ledger.get(job_id)

    def _first(self, *changes: Update) -> None:
        """Make the first change that applies."""
        try:
            with self._database.write() as connection:
                for change in changes:
                    done: CursorResult[Any] = connection.execute(change.values(updated_at=now()))
                    if done.rowcount:
                        return
        except IntegrityError as error:
            raise Conflict(
                "Another run of this pipeline waits to start already.", hint="Cancel one of the two: `ragkit jobs list`"
            ) from error

    def _expect(self, job_id: str, *states: str, cannot: str) -> Job:
        job = self._ledger.get(job_id)
        if job.state not in states:
            raise Conflict(f"The job {job_id!r} is {job.state} and cannot {cannot}.", hint="`ragkit jobs list`")
        return job


def _set(job_id: str, *states: str) -> Update:
    return update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(states))
