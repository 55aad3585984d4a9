"""What hangs off the engine as `jobs`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragkit.answering import checked_limit
from ragkit.callers import Within
from ragkit.errors import NotFound
from ragkit.ingest.named import pipeline_named
from ragkit.threads import Threads
from ragkit.types import Job

if TYPE_CHECKING:
    from ragkit.parts import Parts

__all__ = ["AsyncJobs"]


class AsyncJobs:
    """Uploads and runs of pipelines, on their way."""

    def __init__(self, parts: Parts, threads: Threads, within: Within) -> None:
        self._parts = parts
        self._threads = threads
        self._within = within

    async def list(self, *, limit: int = 500, before: str | None = None) -> tuple[Job, ...]:
        """The newest jobs, newest first.

        Args:
            limit: How many at most, up to 500.
            before: Go on after the one with this id.

        Raises:
            NotFound: There is no job `before`.
        """
        how: dict[str, Any] = {"limit": checked_limit(limit), "before": before, "only": self._within.only}
        return await self._threads.run(self._explained, await self._threads.run(self._parts.jobs.list, **how))

    async def get(self, job_id: str) -> Job:
        """One job: how far it is, and its report when it has ended.

        Raises:
            NotFound: No job has this id.
        """
        job = await self._mine(job_id)
        return (await self._threads.run(self._explained, (job,)))[0]

    async def start(self, pipeline: str) -> Job:
        """Run a pipeline by its name; where a run of it waits to start already, it is that one.

        Raises:
            NotFound: There is no such pipeline.
            ConfigError: Its file is not valid.
        """
        found = await self._threads.run(pipeline_named, self._parts.settings.pipelines, pipeline)
        where = self._within.named(found.collection)
        return await self._threads.run(self._parts.jobs.add_pipeline, pipeline, collection=where)

    async def pause(self, job_id: str) -> Job:
        """Stop after the batch under way, until it is resumed.

        Raises:
            NotFound: No job has this id.
            Conflict: It has ended.
        """
        return await self._threads.run(self._parts.control.pause, (await self._mine(job_id)).id)

    async def resume(self, job_id: str) -> Job:
        """Go on with a paused job; what it has finished is not done again.

        Raises:
            NotFound: No job has this id.
            Conflict: It has ended.
        """
        return await self._threads.run(self._parts.control.resume, (await self._mine(job_id)).id)

    async def cancel(self, job_id: str) -> Job:
        """Stop after the batch under way, for good; what is live stays live.

        Raises:
            NotFound: No job has this id.
            Conflict: It has ended otherwise.
        """
        return await self._threads.run(self._parts.control.cancel, (await self._mine(job_id)).id)

    async def retry(self, job_id: str) -> Job:
        """Try again the documents that failed, and no others.

        Raises:
            NotFound: No job has this id.
            Conflict: It is under way, or nothing in it has failed.
        """
        return await self._threads.run(self._parts.control.retry, (await self._mine(job_id)).id)

    async def _mine(self, job_id: str) -> Job:
        job = await self._threads.run(self._parts.jobs.get, job_id)
        if not self._within.holds(job.collection):
            raise NotFound(f"There is no job {job_id!r}.", hint="`ragkit jobs list` shows every id.")
        return job

    def _explained(self, jobs: tuple[Job, ...]) -> tuple[Job, ...]:
        """Those that wait for a worker say so when there is none."""
        if not any(job.state == "queued" for job in jobs) or self._parts.any_worker():
            return jobs
        detail = "No worker is running; `ragkit serve` or `ragkit worker` takes it up."
        return tuple(replace(job, detail=detail) if job.state == "queued" else job for job in jobs)
