"""Services that a benchmark starts on this machine, and what they use."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.harness import BIN, environment, process_tree, pss

__all__ = ["Service", "events", "free_port", "modelled", "running", "serving"]

START_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that runs."""

    url: str
    process: psutil.Process
    ready_s: float
    """From its start until it was ready."""

    @property
    def cpu_s(self) -> float:
        """Seconds that it and its descendants have computed."""
        times = [one.cpu_times() for one in process_tree(self.process)]
        return sum(one.user + one.system for one in times)

    @property
    def memory_mb(self) -> float:
        """Of it and its descendants."""
        return round(sum(map(pss, process_tree(self.process))) / 1e6, 1)

    def kill(self) -> None:
        """End it and its descendants at once, with nothing tidied up (SIGKILL)."""
        for one in process_tree(self.process):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()


def modelled(url: str, name: str) -> dict[str, str]:
    """Settings by which a model of this name is asked at this address, in OpenAI's protocol."""
    return {"RAGKIT_LLM": f"openai:{name}", "RAGKIT_LLM_BASE_URL": url, "RAGKIT_LLM_API_KEY": "none"}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(home: Path, settings: Mapping[str, str] | None = None, *, log: Path | None = None) -> Iterator[Service]:
    """`ragkit serve` at a home, from when it is ready; with more settings than that, and its log in a file."""
    port = free_port()
    command = [BIN / "ragkit", "serve", "--port", port]
    env = environment(home) | dict(settings or {})
    with running(command, f"http://127.0.0.1:{port}", env, ready_at="/readyz", log=log) as service:
        yield service


@contextmanager
def running(
    command: Sequence[object], url: str, env: Mapping[str, str], *, ready_at: str, log: Path | None = None
) -> Iterator[Service]:
    """A command that serves this address, from when the path there answers; it is ended afterwards."""
    began = time.monotonic()
    with (log or Path(os.devnull)).open("ab") as output:
        process = subprocess.Popen(list(map(str, command)), env=env, stdout=output, stderr=output)
    try:
        while not _answers(f"{url}{ready_at}"):
            if process.poll() is not None or time.monotonic() > began + START_S:
                raise SystemExit(f"{command[0]} did not start.")
            time.sleep(0.1)
        yield Service(url=url, process=psutil.Process(process.pid), ready_s=round(time.monotonic() - began, 2))
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).is_success
    except httpx2.HTTPError:
        return False


async def events(http: httpx2.AsyncClient, body: Mapping[str, Any]) -> AsyncIterator[tuple[str, Any]]:
    """What `/v1/ask` streams: the name of each event, and its data."""
    async with http.stream("POST", "/v1/ask", json={**body, "stream": True}) as reply:
        reply.raise_for_status()
        name = ""
        async for line in reply.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, loads(value)
