"""The worker process: alone as `ragkit worker`, or as a child of `ragkit serve`, which it does not outlive."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from pydantic import SecretStr

from ragkit.background import step_back

if TYPE_CHECKING:
    from ragkit.settings import Settings

__all__ = ["work", "worker_process"]

log = logging.getLogger(__name__)

STOP_S, KILL_S = 3, 4
SHORTEST_REST_S, LONGEST_REST_S = 1.0, 30.0


def work(settings: Settings, *, parent: BinaryIO | None = None) -> NoReturn:
    """Run jobs until SIGTERM, SIGINT or the end of `parent`, then end the process.

    Args:
        settings: The same as the service's.
        parent: Reaches its end when the parent process does.
    """
    from ragkit.app import build
    from ragkit.jobs.worker import Worker, worker_locks, workflow_url
    from ragkit.service.logs import write_json
    from ragkit.service.planner import Planner

    if settings.log_format == "json":
        write_json()
    step_back()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if parent is not None:
        threading.Thread(target=_wait_for_end, args=(parent, stop), daemon=True).start()
    kit = build(settings)
    home = settings.home.resolve()
    try_lock = worker_locks(home, settings.database_url)
    Planner(settings.pipelines, kit.ledger, try_lock, settle_s=settings.settle_s).start(stop)
    Worker(
        ledger=kit.ledger,
        ingest=kit.run_job,
        url=workflow_url(home, settings.database_url),
        try_lock=try_lock,
    ).run(stop, grace_s=STOP_S)
    asyncio.run(kit.aclose())
    logging.shutdown()
    # A job may still be at work in a thread that Python would wait for; it is run again by the next worker.
    os._exit(0)


def _wait_for_end(stream: BinaryIO, stop: threading.Event) -> None:
    while stream.read(1):
        pass
    stop.set()


@contextlib.asynccontextmanager
async def worker_process(settings: Settings) -> AsyncIterator[None]:
    """Keep a worker running as a child process."""
    supervising = asyncio.create_task(_supervise(settings))
    try:
        yield
    finally:
        supervising.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await supervising


async def _supervise(settings: Settings) -> None:
    rest_s = SHORTEST_REST_S
    while True:
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, env=os.environ | _environment(settings)
        )
        try:
            status = await process.wait()
        finally:
            await _stop(process)
        if time.monotonic() - started > LONGEST_REST_S:
            rest_s = SHORTEST_REST_S
        log.warning("The worker ended with status %s; it is started again in %.0f s.", status, rest_s)
        await asyncio.sleep(rest_s)
        rest_s = min(2 * rest_s, LONGEST_REST_S)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), KILL_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as a child process reads them."""
    variables = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        parts = value if isinstance(value, tuple) else (value,)
        plain = [part.get_secret_value() if isinstance(part, SecretStr) else str(part) for part in parts]
        if value is not None and plain:
            variables[f"RAGKIT_{name.upper()}"] = ",".join(plain)
    return variables


def _main() -> NoReturn:
    from ragkit.settings import load

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s worker %(levelname)s %(message)s")
    work(load(), parent=sys.stdin.buffer)


if __name__ == "__main__":
    _main()
