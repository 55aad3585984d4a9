"""What answers take: tokens reserved and settled, places, time; also when their reader leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from starlette.testclient import TestClient

from ragkit.errors import Overloaded, UpstreamError
from ragkit.events import Done, Event, Failed, Token
from ragkit.keys.quotas import Quotas
from ragkit.keys.registry import KeyRegistry
from ragkit.rights import KeyUsage, Limit, NewKey
from ragkit.service.admission import Admission
from ragkit.service.app import create_service
from ragkit.settings import Settings
from ragkit.store.engine import Database
from ragkit.testing.engine import MemoryRagkit
from ragkit.types import Usage

USED = Usage(input_tokens=70, output_tokens=30, cost_usd=0.25)


class WritingRagkit(MemoryRagkit):
    """Has a model that used tokens, and that waits or fails where it is told to; the keys are real ones."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.registry: Any = KeyRegistry(database)
        self.quotas: Any = Quotas(database)
        self.fails = False
        self.breaks_off = False
        self.go_on = Flag()
        self.go_on.set()

    async def stream(self, question: str, **how: Any) -> AsyncIterator[Event]:
        async for event in super().stream(question, **how):
            if isinstance(event, Token):
                while not self.go_on.is_set():  # noqa: ASYNC110 - set by a thread
                    await asyncio.sleep(0.01)
                if self.fails:
                    raise UpstreamError("The provider is gone.")
                if self.breaks_off:
                    yield Failed(code="upstream", detail="It is gone.", hint=None, trace_id="t", usage=USED)
                    return
            yield Done(answer=replace(event.answer, usage=USED)) if isinstance(event, Done) else event

    def key(self, *limits: Limit) -> NewKey:
        made: NewKey = self.registry.create(
            "test", role="reader", collections=None, access=None, limits=limits, expires_at=None
        )
        return made

    def usage(self, new: NewKey) -> KeyUsage:
        found: KeyUsage = self.quotas.usage(new.key.id, new.key.limits)
        return found


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[WritingRagkit]:
    database = Database.open(f"sqlite:///{tmp_path / 'ragkit.db'}")
    yield WritingRagkit(database)
    database.close()


@pytest.fixture
def open_client(kit: WritingRagkit) -> Iterator[Callable[..., TestClient]]:
    clients = []

    def open_client(**settings: Any) -> TestClient:
        given = {"api_keys": ("first",), "llm": "openai:double", "context_tokens": 500, "llm_max_tokens": 500}
        app = create_service(kit, Settings(**given | settings))  # type: ignore[arg-type]
        client = TestClient(app, base_url="http://kb.example").__enter__()
        clients.append(client)
        upload = {"files": {"file": ("a.md", b"Gift cards are not refundable.")}}
        assert client.post("/v1/documents", headers={"X-API-Key": "first"}, **upload).is_success  # type: ignore[arg-type]
        return client

    yield open_client
    for client in clients:
        client.__exit__(None, None, None)


def ask(client: TestClient, new: NewKey, *, stream: bool = False) -> Any:
    body = {"question": "Are gift cards refundable?", "stream": stream}
    return client.post("/v1/ask", json=body, headers={"Authorization": f"Bearer {new.secret}"})


def tokens(limit: float) -> Limit:
    return Limit(measure="tokens", most=limit, per="month")


def test_five_of_fifty_requests_at_once_pass_a_limit_of_five(kit, open_client) -> None:
    client, new = open_client(), kit.key(Limit(measure="requests", most=5, per="month"))
    headers = {"Authorization": f"Bearer {new.secret}"}
    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda _: client.get("/v1/collections", headers=headers).status_code, range(50)))
    assert (statuses.count(200), statuses.count(429)) == (5, 45)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_costs_what_it_used_not_what_was_reserved(kit, open_client, stream: bool) -> None:
    client, new = open_client(), kit.key(tokens(100_000))
    for _ in range(3):
        assert ask(client, new, stream=stream).is_success
    usage = kit.usage(new)
    assert (usage.windows[-1].tokens, usage.windows[-1].requests, usage.reserved) == (300, 3, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_many_answers_at_once_stay_within_the_tokens_of_their_key(kit, open_client, stream: bool) -> None:
    client, new = open_client(), kit.key(tokens(5 * 2_100))
    kit.go_on.clear()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, client, new, stream=stream) for _ in range(20)]
        while sum(one.done() for one in asked) < 15:
            pass
        assert kit.usage(new).reserved == 5
        kit.go_on.set()
        statuses = [one.result().status_code for one in asked]
    assert (statuses.count(200), statuses.count(429)) == (5, 15)
    assert (kit.usage(new).windows[-1].tokens, kit.usage(new).reserved) == (500, 0)


def test_money_is_limited_where_the_price_is_known_and_refused_where_it_is_not(kit, open_client, tmp_path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('[models]\n"openai:priced" = { input = 1000.0, output = 2000.0 }\n', "utf-8")
    client = open_client(llm="openai:priced, extractive", llm_prices=prices)
    new = kit.key(Limit(measure="usd", most=3.0, per="month"))
    assert ask(client, new).is_success
    refused = ask(client, kit.key(Limit(measure="usd", most=2.0, per="month")))
    assert (refused.status_code, refused.json()["code"]) == (429, "over_quota")
    assert "US dollars" in refused.json()["detail"]
    assert kit.usage(new).windows[-1].usd == 0.25, "what the answer says that it cost"
    told = ask(open_client(), new)
    assert (told.status_code, told.json()["code"]) == (403, "not_allowed")
    assert "RAGKIT_LLM_PRICES" in told.json()["hint"]
    assert kit.usage(new).reserved == 0


def test_a_refusal_is_a_problem_that_says_when_to_come_back(kit, open_client) -> None:
    told = ask(open_client(), kit.key(tokens(100)))
    assert (told.status_code, told.json()["code"]) == (429, "over_quota")
    assert "100 tokens a month" in told.json()["detail"]
    assert int(told.headers["retry-after"]) > 0


def test_a_provider_that_fails_before_it_writes_costs_nothing(kit, open_client) -> None:
    client, new = open_client(), kit.key(tokens(100_000))
    kit.fails = True
    assert ask(client, new).status_code == 502
    assert "event: error" in ask(client, new, stream=True).text
    usage = kit.usage(new)
    assert usage.reserved == 0
    assert usage.windows[-1].tokens < 2 * 2_100, "what was read counts, what was not written does not"


def test_a_reply_that_breaks_off_counts_what_it_used(kit, open_client) -> None:
    client, new = open_client(), kit.key(tokens(100_000))
    kit.breaks_off = True
    assert '"usage":{"input_tokens":70' in ask(client, new, stream=True).text
    assert (kit.usage(new).reserved, kit.usage(new).windows[-1].tokens) == (0, 100)


def test_an_answer_that_takes_too_long_is_given_up_and_settled(kit, open_client) -> None:
    client, new = open_client(answer_timeout_s=0.2), kit.key(tokens(100_000))
    kit.go_on.clear()
    told = ask(client, new)
    assert (told.status_code, told.json()["code"]) == (504, "timed_out")
    assert '"timed_out"' in ask(client, new, stream=True).text
    assert kit.open_streams == 0
    usage = kit.usage(new)
    assert usage.reserved == 0
    assert 0 < usage.windows[-1].tokens < 2 * 2_100


def test_more_answers_than_there_is_room_for_are_turned_away(kit, open_client) -> None:
    client, new = open_client(answers_at_once=2, answers_waiting=1), kit.key()
    kit.go_on.clear()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask, client, new, stream=True) for _ in range(6)]
        while sum(one.done() for one in asked) < 3:
            pass
        kit.go_on.set()
        replies = [one.result() for one in asked]
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [503] * 3
    turned_away = next(reply for reply in replies if reply.status_code == 503)
    assert (turned_away.json()["code"], turned_away.headers["retry-after"]) == ("overloaded", "2")
    assert client.app.state.admission.taken == 0


@pytest.mark.anyio
async def test_places_are_given_in_turn_and_none_is_lost() -> None:
    admission = Admission(1, 3)
    await admission.enter(within_s=1)
    order: list[int] = []

    async def one(number: int) -> None:
        await admission.enter(within_s=5)
        order.append(number)
        admission.leave()

    waiting = [asyncio.ensure_future(one(number)) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await admission.enter(within_s=1)
    waiting[1].cancel()
    await asyncio.sleep(0)
    admission.leave()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [0, 2]
    assert (admission.taken, admission.waiting) == (0, 0)
    await admission.enter(within_s=1)
    with pytest.raises(Overloaded):
        await admission.enter(within_s=0.01)
    assert (admission.taken, admission.waiting) == (1, 0)
