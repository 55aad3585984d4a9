"""The application over an engine in memory, as a test client sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient

from ragkit.service.app import create_service
from ragkit.settings import Settings
from ragkit.testing.engine import MemoryRagkit

Open = Callable[..., TestClient]


@pytest.fixture
def kit() -> MemoryRagkit:
    return MemoryRagkit()


@pytest.fixture
def open_service(kit: MemoryRagkit) -> Iterator[Open]:
    """Starts the application with these settings."""
    with ExitStack() as stack:

        def open_service(**settings: object) -> TestClient:
            app = create_service(kit, Settings(**settings))
            client = TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield open_service


@pytest.fixture
def http(open_service: Open) -> TestClient:
    client = open_service(max_question_chars=100, max_file_mb=5)
    for name, text in (("cards.md", b"Gift cards are not refundable."), ("lift.md", b"The lift carries 800 kg.")):
        assert client.post("/v1/documents", files={"file": (name, text)}, data={"collection": "shop"}).is_success
    return client
