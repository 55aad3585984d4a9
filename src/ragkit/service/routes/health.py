"""`/healthz` and `/readyz`: for probes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Literal

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from ragkit.engine import AsyncRagkit
from ragkit.rights import covers

__all__ = ["Probe", "router"]

router = APIRouter(tags=["health"])


KEPT_S, PATIENCE_S, STALE_S = 1.0, 2.0, 30.0
"""How long the state of the parts stands, and how long a probe waits for a newer one, and how
long the last one is told where looks do not end."""


class Probe:
    """Looks at the parts of an engine, once for all who ask at the same time.

    Anybody may ask, and looking costs connections and threads that searches wait for.
    """

    def __init__(self, kit: AsyncRagkit) -> None:
        self._kit = kit
        self._looking: asyncio.Task[Mapping[str, str]] | None = None
        self._since = -1.0  # nothing has been seen yet
        self._parts: Mapping[str, str] = {"engine": "starting"}

    async def parts(self) -> Mapping[str, str]:
        """The state of each; the last one that was seen where a look takes long, as among many searches."""
        if self._looking is None or (self._looking.done() and self._is_due()):
            self._looking = asyncio.create_task(self._look())
        looking = self._looking
        await asyncio.wait({looking}, timeout=PATIENCE_S)
        if looking.done():
            return looking.result()
        is_fresh = self._since < 0 or time.monotonic() - self._since < STALE_S
        return self._parts if is_fresh else {"engine": "does not answer"}

    def _is_due(self) -> bool:
        return self._since < 0 or time.monotonic() - self._since > KEPT_S

    async def _look(self) -> Mapping[str, str]:
        self._parts = dict(await self._kit.ready())
        self._since = time.monotonic()
        return self._parts


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
    probe: Probe = request.app.state.probe
    parts = dict(await probe.parts()) if request.app.state.warming.done() else {"engine": "starting"}
    # Without a worker uploads wait, and questions are answered all the same.
    ready = all(state == "ok" for name, state in parts.items() if name != "worker")
    if not ready:
        response.status_code = 503
    caller = request.state.caller
    if caller is None or not covers(caller.role, "operator"):
        parts = {name: "ok" if state == "ok" else "failing" for name, state in parts.items()}
    return {"ready": ready, "parts": parts}
