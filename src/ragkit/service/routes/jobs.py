"""`/v1/jobs`: what became of uploads."""

from __future__ import annotations

from fastapi import APIRouter
from typing_extensions import TypedDict

from ragkit.service.deps import Kit
from ragkit.types import Job

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


class Jobs(TypedDict):
    jobs: tuple[Job, ...]


@router.get("", response_model=Jobs)
async def list_jobs(kit: Kit) -> Jobs:
    """The newest jobs first."""
    return {"jobs": await kit.jobs.list()}


@router.get("/{job_id}", response_model=Job)
async def get_job(job_id: str, kit: Kit) -> Job:
    """How far a job is, and its report when it is done."""
    return await kit.jobs.get(job_id)
