"""The `jobs` table: what a user sees of durable work, and the queue that it is taken from.

A row is written in the transaction that accepts the work, so nothing that was accepted can be lost; the worker hands
queued rows to the workflow engine under the row's own id, so nothing is started twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, insert, select, tuple_, update

from ragkit.errors import NotFound
from ragkit.store.engine import Database, now
from ragkit.store.tables import jobs
from ragkit.types import IngestReport, Job, JobState

__all__ = ["ACTIVE", "JobLedger"]

ACTIVE: tuple[JobState, ...] = ("queued", "running")

_REPORT = TypeAdapter(IngestReport)


class JobLedger:
    """Records jobs and what became of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *, collection: str, uri: str, file_sha256: str) -> Job:
        """Accept the ingestion of a stored file: a queued job."""
        moment = now()
        values = {
            "id": "job_" + secrets.token_hex(10),
            "kind": "ingest",
            "state": "queued",
            "collection": collection,
            "uri": uri,
            "file_sha256": file_sha256,
            "report": None,
            "error": None,
            "created_at": moment,
            "updated_at": moment,
        }
        with self._database.write() as connection:
            row = connection.execute(insert(jobs).values(values).returning(jobs)).one()
        return _job(row)

    def get(self, job_id: str) -> Job:
        """Read one job.

        Raises:
            NotFound: No job has this id.
        """
        return _job(self._row(job_id))

    def file_sha256(self, job_id: str) -> str:
        """Which stored file the job ingests."""
        return str(self._row(job_id).file_sha256)

    def list(self, *, limit: int = 1000) -> tuple[Job, ...]:
        """The newest jobs, newest first."""
        newest = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(_job(row) for row in connection.execute(newest))

    def ids(self, states: Collection[JobState], *, limit: int = 1000) -> tuple[str, ...]:
        """Ids of the jobs in one of these states, oldest first."""
        oldest = select(jobs.c.id).where(jobs.c.state.in_(states)).order_by(jobs.c.created_at, jobs.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(connection.execute(oldest).scalars())

    def ready(self, *, limit: int = 1000) -> tuple[str, ...]:
        """Ids of the queued jobs whose turn it is: no earlier job of the same document is still under way."""
        earlier = jobs.alias("earlier")
        before = select(earlier.c.id).where(
            earlier.c.collection == jobs.c.collection,
            earlier.c.uri == jobs.c.uri,
            earlier.c.state.in_(ACTIVE),
            tuple_(earlier.c.created_at, earlier.c.id) < tuple_(jobs.c.created_at, jobs.c.id),
        )
        turn = select(jobs.c.id).where(jobs.c.state == "queued", ~before.exists())
        with self._database.read() as connection:
            return tuple(connection.scalars(turn.order_by(jobs.c.created_at, jobs.c.id).limit(limit)))

    def start(self, job_id: str) -> None:
        """The worker took it up, for the first time or again."""
        self._move(job_id, "running")

    def finish(self, job_id: str, report: IngestReport) -> None:
        """It ran to its end; a file that could not be ingested makes it a failed job."""
        state: JobState = "failed" if report.failed else "done"
        error = "; ".join(failure.detail for failure in report.failed) or None
        self._move(job_id, state, report=_REPORT.dump_python(report, mode="json"), error=error)

    def fail(self, job_id: str, error: str) -> None:
        """It broke off for good."""
        self._move(job_id, "failed", error=error)

    def _row(self, job_id: str) -> Row[Any]:
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no job {job_id!r}.", hint="`ragkit jobs list` shows them all.")
        return row

    def _move(self, job_id: str, state: JobState, **values: object) -> None:
        # What has ended stays as it ended, even when a worker believed dead reports late.
        moved = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(ACTIVE))
        with self._database.write() as connection:
            connection.execute(moved.values(state=state, updated_at=now(), **values))


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        collection=row.collection,
        uri=row.uri,
        report=None if row.report is None else _REPORT.validate_python(row.report),
        error=row.error,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
