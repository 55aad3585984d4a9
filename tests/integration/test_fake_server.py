"""What an app's own tests are given: a service in memory, and fixtures."""

from __future__ import annotations

import pytest

from ragkit.client import Client
from ragkit.errors import Overloaded, OverQuota, TooLarge, UpstreamError
from ragkit.settings import Settings
from ragkit.testing.server import FakeServer

pytest_plugins = ["ragkit.testing.fixtures"]


def test_what_is_added_is_answered_from(ragkit_server: FakeServer, ragkit_client: Client) -> None:
    ragkit_server.add("cards.md", "Gift cards are not refundable.")
    answer = ragkit_client.ask("Are gift cards refundable?")
    assert answer.citations[0].quote == "Gift cards are not refundable."
    assert [trace.question for trace in ragkit_client.answers.list()] == ["Are gift cards refundable?"]


def test_failures_come_in_their_order_and_then_it_answers(ragkit_server: FakeServer) -> None:
    ragkit_server.add("cards.md", "Gift cards are not refundable.")
    ragkit_server.fail(OverQuota("The key may use 5 requests a minute.", retry_after=7), UpstreamError("It is down."))
    with Client(ragkit_server.url, max_retries=0) as client:
        with pytest.raises(OverQuota) as caught:
            client.search("gift")
        assert caught.value.retry_after == 7
        with pytest.raises(UpstreamError, match="It is down"):
            client.search("gift")
        assert client.search("gift").hits


def test_the_client_tries_again_what_passes(ragkit_server: FakeServer, ragkit_client: Client) -> None:
    ragkit_server.add("cards.md", "Gift cards are not refundable.")
    ragkit_server.fail(Overloaded("Too many answers are being written.", retry_after=0))
    assert ragkit_client.search("gift").hits


def test_settings_of_the_service_hold() -> None:
    with FakeServer(Settings(max_file_mb=1)) as server, Client(server.url) as client, pytest.raises(TooLarge):
        client.documents.upload("big.md", b"x" * 3_000_000)
