"""`/metrics`: for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from ragkit.service.deps import KitToOperate

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}})
async def metrics(request: Request, kit: KitToOperate) -> Response:
    """Requests, answers, their stages, tokens and cost since the start, and what is in the catalog now."""
    collections, jobs = await kit.collections.list(), await kit.jobs.list()
    text = request.app.state.metrics.exposition(collections=collections, jobs=jobs)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
