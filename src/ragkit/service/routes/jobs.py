"""`/v1/jobs`: what becomes of uploads and runs of pipelines."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from ragkit.service.deps import Body, KitToEdit, KitToOperate, Name
from ragkit.service.pages import Before, Limit
from ragkit.types import Job

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


class Jobs(TypedDict):
    jobs: tuple[Job, ...]


class StartBody(Body):
    """A run of a pipeline."""

    pipeline: Name


@router.get("", response_model=Jobs)
async def list_jobs(kit: KitToEdit, limit: Limit = 500, before: Before = None) -> Jobs:
    """The newest jobs first; `before` goes on after the one with this id."""
    return {"jobs": await kit.jobs.list(limit=limit, before=before)}


@router.get("/{job_id}", response_model=Job)
async def get_job(job_id: Name, kit: KitToEdit) -> Job:
    """How far a job is, and its report when it is done."""
    return await kit.jobs.get(job_id)


@router.post("", response_model=Job, status_code=202)
async def start_job(body: StartBody, kit: KitToOperate, request: Request, response: Response) -> Job:
    """Run a pipeline of the service's by its name; one that waits to start already is not queued twice."""
    job = await kit.jobs.start(body.pipeline)
    response.headers["Location"] = request.url_for("get_job", job_id=job.id).path
    return job


@router.post("/{job_id}/{change}", response_model=Job)
async def change_job(job_id: Name, change: Literal["pause", "resume", "cancel", "retry"], kit: KitToOperate) -> Job:
    """Pause or cancel a job after the batch under way, go on with it, or try again the documents that failed."""
    changes = {"pause": kit.jobs.pause, "resume": kit.jobs.resume, "cancel": kit.jobs.cancel, "retry": kit.jobs.retry}
    return await changes[change](job_id)
