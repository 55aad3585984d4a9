"""Large files of the SDK over a connection that breaks off, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.client import AsyncClient, Client
from ragkit.client.resumable import IN_PARTS_ABOVE
from ragkit.testing.server import FakeServer

LARGE = IN_PARTS_ABOVE + 1_000_000


class Relay:
    """Passes connections on, and cuts the one that brings it past a number of bytes.

    Attributes:
        url: Where it listens.
        brought: Bytes that came from clients, in all.
    """

    def __init__(self, url: str, *, cut_at: int) -> None:
        self._target = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self._cut_at: int | None = cut_at
        self.brought = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def has_cut(self) -> bool:
        return self._cut_at is None

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(one, other, one is client), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.brought += len(data) if is_client else 0
                if self._cut_at is not None and self.brought > self._cut_at:
                    self._cut_at = None
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def relay(server: FakeServer) -> Iterator[Relay]:
    relay = Relay(server.url, cut_at=LARGE // 2)
    with contextlib.closing(relay):
        yield relay


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("files") / "large.txt"
    file.write_bytes(b"Gift cards are not refundable. " * (LARGE // 31 + 1))
    return file


def test_a_large_file_goes_on_where_its_connection_broke_off(server, relay, large):
    with Client(relay.url) as client:
        report = client.ingest(large)
    assert (report.found, report.added, report.failed) == (1, 1, ())
    assert relay.has_cut
    assert relay.brought < 1.4 * large.stat().st_size, "it was not sent anew"
    (view,) = server.kit.views.values()
    assert view.document.uri == "upload://large.txt"
    assert view.text.encode() == large.read_bytes()


def test_the_async_client_goes_on_as_well(server, relay, large):
    async def scenario() -> None:
        async with AsyncClient(relay.url) as client:
            job = await client.documents.upload("large.txt", large.read_bytes(), collection="c")
            assert (job.uri, job.collection) == ("upload://large.txt", "c")

    asyncio.run(asyncio.wait_for(scenario(), 100))
    assert relay.has_cut
    assert relay.brought < 1.4 * large.stat().st_size
