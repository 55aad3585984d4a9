"""`ragkit serve`: the application on a socket, with a worker beside it."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import math
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from ragkit.background import keep_memory_flat
from ragkit.errors import ConfigError
from ragkit.service.app import create_service
from ragkit.service.logs import write_json
from ragkit.service.protocol import CarefulProtocol
from ragkit.service.worker import worker_process

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ragkit.engine import AsyncRagkit
    from ragkit.settings import Settings

__all__ = ["serve"]

FAREWELL_S, CLOSE_S = 1.0, 5.5
"""Of the time in which requests may go on, how much is left to say that an answer breaks off; and how long closing may
take after them."""


def serve(settings: Settings, *, with_worker: bool = True, announce: Callable[[str], None] = lambda _url: None) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: Where to listen, and everything else.
        with_worker: Ingest uploads here; without, `ragkit worker` must run somewhere.
        announce: Told the address as soon as it answers.

    Raises:
        ConfigError: The address is open to others without a key, or cannot be bound.
    """
    from ragkit.app import build

    keep_memory_flat()
    if settings.log_format == "json":
        write_json()
    kit = build(settings)
    _refuse_open_doors(settings, kit)
    listener = _listen(settings.host, settings.port)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    beside = {"beside": functools.partial(worker_process, settings)} if with_worker else {}
    app = create_service(kit, settings, **beside)
    config = uvicorn.Config(
        app,
        http=CarefulProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.stop_grace_s),
    )
    ready = functools.partial(announce, f"http://{host}:{listener.getsockname()[1]}")
    with listener, asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_run(app, _Server(config, app, settings.stop_grace_s), listener, ready))


class _Server(uvicorn.Server):
    """Tells answers under way that they have so many seconds left, once it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, grace_s: float) -> None:
        super().__init__(config)
        self._app = app
        self._left_s = max(0.0, grace_s - FAREWELL_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for spending in tuple(self._app.state.under_way):
            spending.stop(self._left_s)
        await super().shutdown(sockets)


async def _run(app: FastAPI, server: uvicorn.Server, listener: socket.socket, ready: Callable[[], None]) -> None:
    def stop(*_: object) -> None:
        server.should_exit = True
        # What cannot be interrupted, such as the conversion of a model, is not waited for.
        deadline = threading.Timer(CLOSE_S, os._exit, (0,))
        deadline.daemon = True
        deadline.start()

    # uvicorn puts its own handlers in front while it serves, and at the end hands the signal to these: not the default
    # ones, which would end the process before the engine is closed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # Not uvicorn's lifespan: it would print the traceback of a wrong setting instead of raising it.
    async with app.router.lifespan_context(app):
        # The socket has been listening since before: what connected meanwhile is answered now.
        ready()
        await server.serve(sockets=[listener])


def _refuse_open_doors(settings: Settings, kit: AsyncRagkit) -> None:
    if settings.api_keys or settings.jwt_issuer or _is_loopback(settings.host) or kit.registry.any():
        return
    raise ConfigError(
        f"RAGKIT_HOST {settings.host!r} lets other machines in, and no key is set.",
        hint="`ragkit keys create` makes one, or set RAGKIT_API_KEYS, or listen on 127.0.0.1.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"The service cannot listen on {host!r}, port {port}: {error.strerror or error}.",
            hint="Choose another port with --port or RAGKIT_PORT; 0 takes a free one.",
        ) from error
