"""Fixtures for the tests of an app: `pytest_plugins = ["ragkit.testing.fixtures"]` in its conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.client import Client
from ragkit.testing.server import FakeServer

__all__ = ["ragkit_client", "ragkit_server"]


@pytest.fixture
def ragkit_server() -> Iterator[FakeServer]:
    """A service without documents; its address is `ragkit_server.url`."""
    with FakeServer() as server:
        yield server


@pytest.fixture
def ragkit_client(ragkit_server: FakeServer) -> Iterator[Client]:
    """A client of `ragkit_server`."""
    with Client(ragkit_server.url) as client:
        yield client
