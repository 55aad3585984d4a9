"""The `jobs` table: what a user sees of durable work, and the queue that it is taken from.

A row is written in the transaction that accepts the work, so nothing that was accepted can be lost; the worker hands
queued rows to the workflow engine under an id of their own, so nothing is started twice.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, Select, func, null, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ragkit.errors import NotFound
from ragkit.store.engine import Database, now
from ragkit.store.tables import jobs
from ragkit.types import IngestReport, Job, JobProgress, JobState

__all__ = ["ACTIVE", "JobLedger", "Wish", "Work"]

ACTIVE: tuple[JobState, ...] = ("queued", "running")
UNFINISHED: tuple[JobState, ...] = (*ACTIVE, "paused")

Wish = Literal["pause", "cancel"]

_REPORT = TypeAdapter(IngestReport)
_PROGRESS = TypeAdapter(JobProgress)
_WISHED = {"pause": "It pauses after the batch under way.", "cancel": "It is cancelled after the batch under way."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker must know of a job."""

    job_id: str
    attempt: int
    order_key: str
    """Jobs of one key run one after the other."""
    file_sha256: str
    only: tuple[str, ...]
    """The uris that it is about; empty for all."""

    @property
    def workflow_id(self) -> str:
        return f"{self.job_id}.{self.attempt}" if self.attempt else self.job_id


class JobLedger:
    """Records jobs and what became of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *, collection: str, uri: str, file_sha256: str, upload: str | None = None) -> Job:
        """Accept the ingestion of a stored file: a queued job.

        Args:
            collection: Where it goes.
            uri: Of the document.
            file_sha256: Of the stored file.
            upload: The id of an upload that becomes one job, however often it is accepted.
        """
        job_id = "job_" + (_digest(f"upload {upload}") if upload else secrets.token_hex(10))
        values = _new(job_id, "ingest", collection, uri) | {"file_sha256": file_sha256}
        with self._database.write() as connection:
            _insert(connection, values)
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one()
        return _job(row)

    def add_pipeline(self, name: str, *, collection: str, scheduled: datetime | None = None) -> Job:
        """Accept a run of a pipeline; where one is waiting to start already, it is that one.

        Args:
            name: Of the pipeline.
            collection: Where it goes, for the eyes of the user.
            scheduled: The minute that it is due for: however many workers ask, there is one run for it.
        """
        uri = f"{name}/"
        moment = _digest(f"{uri} {scheduled.isoformat()}") if scheduled else None
        values = _new("job_" + (moment or secrets.token_hex(10)), "pipeline", collection, uri)
        there = select(jobs).where(jobs.c.uri == uri, jobs.c.kind == "pipeline")
        # Where nothing was added: the one that waits, or the one of this minute, which may have run already.
        found = there.where((jobs.c.state == "queued") | (jobs.c.id == values["id"]))
        while True:
            with self._database.write() as connection:
                _insert(connection, values)
                row = connection.execute(found.limit(1)).one_or_none()
            if row is not None:  # else the one that waited was started at this moment, and leaves room for this one
                return _job(row)

    def get(self, job_id: str) -> Job:
        """Read one job.

        Raises:
            NotFound: No job has this id.
        """
        return _job(self._row(job_id))

    def work(self, job_id: str) -> Work:
        """What the job is about."""
        return _work(self._row(job_id))

    def list(
        self, *, limit: int = 1000, before: str | None = None, only: Sequence[str] | None = None
    ) -> tuple[Job, ...]:
        """The newest jobs, newest first.

        Args:
            limit: How many at most.
            before: Go on after the one with this id.
            only: Those of these collections.

        Raises:
            NotFound: There is no job `before`.
        """
        at = jobs.c.created_at
        newest = select(jobs).order_by(at.desc(), jobs.c.id).limit(limit)
        if only is not None:
            newest = newest.where(jobs.c.collection.in_(only))
        if before is not None:
            last = self._row(before)
            newest = newest.where((at < last.created_at) | ((at == last.created_at) & (jobs.c.id > last.id)))
        with self._database.read() as connection:
            return tuple(_job(row) for row in connection.execute(newest))

    def under_way(self, *, only_queued: bool = False, limit: int = 1000) -> tuple[Work, ...]:
        """The jobs that are queued or running, oldest first."""
        states = ("queued",) if only_queued else ACTIVE
        return self._works(select(jobs).where(jobs.c.state.in_(states)), limit)

    def ready(self, *, limit: int = 1000) -> tuple[Work, ...]:
        """The queued jobs whose turn it is: no earlier job of the same document or pipeline is unfinished."""
        oldest_first = (jobs.c.created_at, jobs.c.id)
        place = func.row_number().over(partition_by=(jobs.c.collection, jobs.c.uri), order_by=oldest_first)
        line = select(jobs.c.id, place.label("place")).where(jobs.c.state.in_(UNFINISHED)).subquery()
        first = select(jobs).join(line, line.c.id == jobs.c.id).where(line.c.place == 1)
        return self._works(first.where(jobs.c.state == "queued"), limit)

    def start(self, job_id: str) -> bool:
        """The worker takes it up, for the first time or again; false where it is not wanted any more."""
        wish = self._move(job_id, "running")
        return wish is not None and not self.heed(job_id, wish)

    def report_progress(self, job_id: str, progress: JobProgress) -> str:
        """Write how far it is; returns the wish that stands, or nothing. An ended job is to be cancelled."""
        wish = self._move(job_id, "running", progress=_PROGRESS.dump_python(progress, mode="json"))
        return "cancel" if wish is None else wish

    def heed(self, job_id: str, wish: str) -> bool:
        """Do what was wished, if anything."""
        if wish:
            self._move(job_id, "paused" if wish == "pause" else "cancelled", wish=None)
        return bool(wish)

    def queue_again(self, job_id: str) -> None:
        """The worker stops before the job's end: another one, or the next, goes on with it."""
        self._move(job_id, "queued", attempt=jobs.c.attempt + 1)

    def finish(self, job_id: str, report: IngestReport) -> None:
        """It ran to its end. An upload that could not be ingested is a failed job, a pipeline has run nonetheless."""
        row = self._row(job_id)
        if row.only and row.report is not None:
            report = _retried(_REPORT.validate_python(row.report), report)
        state: JobState = "failed" if report.failed and row.kind == "ingest" else "done"
        error = "; ".join(failure.detail for failure in report.failed[:3]) or None
        dumped = _REPORT.dump_python(report, mode="json")
        self._move(job_id, state, wish=None, only=null(), report=dumped, error=error)

    def fail(self, job_id: str, error: str, *, attempt: int | None = None) -> None:
        """It broke off for good; with `attempt`, only if that one is still the latest."""
        self._move(job_id, "failed", attempt_is=attempt, error=error, wish=None)

    def _row(self, job_id: str) -> Row[Any]:
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no job {job_id!r}.", hint="`ragkit jobs list` shows them all.")
        return row

    def _works(self, query: Select[Any], limit: int) -> tuple[Work, ...]:
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(jobs.c.created_at, jobs.c.id).limit(limit))
            return tuple(_work(row) for row in rows)

    def _move(self, job_id: str, state: JobState, *, attempt_is: int | None = None, **values: object) -> str | None:
        """Change what is under way; returns the wish that stands, or None where it has ended or is paused."""
        # What has ended stays as it ended, even when a worker believed dead reports late.
        moved = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(ACTIVE)).returning(jobs.c.wish)
        if attempt_is is not None:
            moved = moved.where(jobs.c.attempt == attempt_is)
        with self._database.write() as connection:
            row = connection.execute(moved.values(state=state, updated_at=now(), **values)).one_or_none()
        return None if row is None else row.wish or ""


def _insert(connection: Connection, values: dict[str, Any]) -> None:
    """Add a row, where there is none that stands in its way."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(jobs).values(values).on_conflict_do_nothing())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _new(job_id: str, kind: str, collection: str, uri: str) -> dict[str, Any]:
    moment = now()
    return {
        "id": job_id,
        "kind": kind,
        "state": "queued",
        "collection": collection,
        "uri": uri,
        "file_sha256": "",
        "created_at": moment,
        "updated_at": moment,
    }


def _retried(before: IngestReport, again: IngestReport) -> IngestReport:
    """The report of a run whose failed documents were tried again."""
    tried = {failure.uri for failure in before.failed}
    kept = replace(before, found=before.found - len(tried), failed=())
    return kept + again


def _work(row: Row[Any]) -> Work:
    only: Sequence[str] = row.only or ()
    return Work(
        job_id=row.id,
        attempt=row.attempt,
        order_key=f"{row.collection}\0{row.uri}",
        file_sha256=row.file_sha256,
        only=tuple(only),
    )


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
        progress=None if row.progress is None else _PROGRESS.validate_python(row.progress),
        detail=_WISHED.get(row.wish or ""),
    )
