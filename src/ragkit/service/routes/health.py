"""`/healthz` and `/readyz`: for probes."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from ragkit.engine import AsyncRagkit
from ragkit.rights import covers

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
async def readyz(request: Request, response: Response) -> Readiness:
    """Whether each part works: `ok`, or what is wrong with it, which only operators are told."""
    kit: AsyncRagkit = request.app.state.kit
    parts = dict(await kit.ready()) if request.app.state.warming.done() else {"engine": "starting"}
    # Without a worker uploads wait, and questions are answered all the same.
    ready = all(state == "ok" for name, state in parts.items() if name != "worker")
    if not ready:
        response.status_code = 503
    caller = request.state.caller
    if caller is None or not covers(caller.role, "operator"):
        parts = {name: "ok" if state == "ok" else "failing" for name, state in parts.items()}
    return {"ready": ready, "parts": parts}
