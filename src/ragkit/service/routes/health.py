"""`/healthz` and `/readyz`: for probes."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from ragkit.service.deps import Kit

__all__ = ["router"]

router = APIRouter(tags=["health"])


class Health(TypedDict):
    status: Literal["ok"]


class Readiness(TypedDict):
    ready: bool
    parts: dict[str, str]


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(kit: Kit, request: Request, response: Response) -> Readiness:
    """Whether each part works: `ok`, or what is wrong with it, which a caller without the key is not told."""
    parts = dict(await kit.ready()) if request.app.state.warming.done() else {"engine": "starting"}
    # Without a worker uploads wait, and questions are answered all the same.
    ready = all(state == "ok" for name, state in parts.items() if name != "worker")
    if not ready:
        response.status_code = 503
    if not request.state.trusted:
        parts = {name: "ok" if state == "ok" else "failing" for name, state in parts.items()}
    return {"ready": ready, "parts": parts}
