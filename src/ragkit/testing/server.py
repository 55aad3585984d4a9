"""`FakeServer`: the service itself over an engine in memory, for the tests of an app that calls it.

It needs `ragkit[server]`, loads no model and writes no file.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from ragkit.errors import RagkitError
from ragkit.service.app import create_service
from ragkit.service.errors import problem
from ragkit.settings import Settings
from ragkit.testing.engine import MemoryRagkit

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit

__all__ = ["FakeServer"]


class FakeServer:
    """Listens on a free port of this machine for as long as a `with` block lasts.

    Args:
        settings: Of the service, such as `Settings(api_keys=("the-key",))`; without, nobody needs a key.

    Attributes:
        url: For `Client(url)`, or `RAGKIT_URL`.
        kit: The engine behind it, to look at what the app did.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.kit = MemoryRagkit()
        self._failures: deque[RagkitError] = deque()
        app = create_service(cast("AsyncRagkit", self.kit), settings or Settings())
        config = uvicorn.Config(self._failing(app), log_level="error", lifespan="on")
        self._server = uvicorn.Server(config)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def add(self, name: str, text: str, *, collection: str = "default") -> None:
        """Put a document there, which can be asked for at once."""
        uploading = self.kit.documents.upload(name, text.encode(), collection=collection)
        # On a loop of its own, as a test may run on one.
        with ThreadPoolExecutor(1) as beside:
            beside.submit(asyncio.run, uploading).result()

    def fail(self, *errors: RagkitError) -> None:
        """Answer the next requests with these errors of `ragkit.errors`, one each."""
        self._failures.extend(errors)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _failing(self, app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and self._failures:
                app_or_error: ASGIApp = problem(self._failures.popleft(), scope)
            else:
                app_or_error = app
            await app_or_error(scope, receive, send)

        return call
