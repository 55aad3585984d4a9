"""Clients that leave, do not read, or send what they may not; and a service that stops: what each leaves behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sse_starlette import ServerSentEvent
from starlette.requests import Request

from ragkit.events import Accepted, Event
from ragkit.keys.quotas import Quotas
from ragkit.keys.registry import KeyRegistry
from ragkit.rights import KeyUsage, Limit, NewKey, Role
from ragkit.service.app import create_service
from ragkit.service.sse import EventStream
from ragkit.settings import Settings
from ragkit.store.engine import Database
from ragkit.testing.engine import MemoryRagkit
from tests.integration.service.asgi import Call, in_time, until

pytestmark = pytest.mark.anyio
QUESTION = {"question": "Are gift cards refundable?"}
FORM = {"content_type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


class WaitingRagkit(MemoryRagkit):
    """Has a model that says nothing until it is told to go on; the keys are real ones."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.registry: Any = KeyRegistry(database)
        self.quotas: Any = Quotas(database)
        self.begun = 0
        self.go_on = asyncio.Event()

    async def stream(self, question: str, **how: Any) -> AsyncIterator[Event]:
        async for event in super().stream(question, **how):
            yield event
            if isinstance(event, Accepted):
                self.begun += 1
                await self.go_on.wait()

    def key(self, role: Role = "reader") -> NewKey:
        limits = (Limit(measure="tokens", most=1e6, per="day"),)
        made: NewKey = self.registry.create(
            "test", role=role, collections=None, access=None, limits=limits, expires_at=None
        )
        return made

    def used(self, new: NewKey) -> tuple[int, int]:
        """Tokens, and reservations that stand."""
        usage: KeyUsage = self.quotas.usage(new.key.id, ())
        return sum(window.tokens for window in usage.windows if window.per == "day"), usage.reserved


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[WaitingRagkit]:
    database = Database.open(f"sqlite:///{tmp_path / 'ragkit.db'}")
    kit = WaitingRagkit(database)
    await kit.documents.upload("a.md", b"Gift cards are not refundable.")
    yield kit
    database.close()


def service(kit: WaitingRagkit, **settings: Any) -> Any:
    given = {"llm": "openai:double", "context_tokens": 500, "llm_max_tokens": 500}
    return create_service(kit, Settings(**given | settings))


def shown(new: NewKey) -> dict[str, str]:
    return {"authorization": f"Bearer {new.secret}"}


async def test_who_leaves_the_queue_keeps_nobody_out(kit: WaitingRagkit) -> None:
    app = service(kit, answers_at_once=1, answers_waiting=2)
    first = Call(app, "/v1/ask", QUESTION)
    await in_time(until(lambda: kit.begun == 1))
    others = [Call(app, "/v1/ask", QUESTION) for _ in range(2)]
    await in_time(until(lambda: app.state.admission.waiting == 2))
    for other in others:
        other.gone.set()
    await in_time(asyncio.gather(*(other.task for other in others)))
    assert (app.state.admission.waiting, kit.begun) == (0, 1)
    last = Call(app, "/v1/ask", QUESTION)
    kit.go_on.set()
    await in_time(asyncio.gather(first.task, last.task))
    assert (first.status, last.status, kit.begun) == (200, 200, 2)


async def test_who_stops_reading_keeps_no_answer_going(kit: WaitingRagkit) -> None:
    over, app = [], service(kit)

    async def events() -> AsyncIterator[ServerSentEvent]:
        try:
            while True:
                yield ServerSentEvent("more")
        finally:
            over.append(True)

    async def never(message: object) -> None:
        await asyncio.Event().wait() if message["type"] == "http.response.body" else None  # type: ignore[index]

    scope = {"type": "http", "method": "POST", "app": app}
    await in_time(EventStream(events(), Request(scope), send_s=0.01)(scope, asyncio.Event().wait, never))  # type: ignore[arg-type]
    assert over


async def test_a_follow_up_whose_reader_leaves_costs_what_it_took_to_understand_it(kit: WaitingRagkit) -> None:
    new, app = kit.key(), service(kit)
    for count in (1, 2):
        asked = Call(app, "/v1/ask", QUESTION | {"stream": True, "conversation_id": "c"}, **shown(new))
        await in_time(until(lambda count=count: kit.begun == count))
        asked.gone.set()
        await in_time(asked.task)
    assert kit.used(new) == (8_000, 0)


async def test_a_request_that_is_cancelled_while_it_reserves_leaves_no_reservation(kit: WaitingRagkit) -> None:
    class Slow(Quotas):
        begun = False

        def reserve(self, *args: Any, **how: Any) -> str:
            self.begun = True
            time.sleep(0.1)
            return super().reserve(*args, **how)

    kit.quotas = quotas = Slow(kit.quotas._database)
    new, app = kit.key(), service(kit)
    asked = Call(app, "/v1/ask", QUESTION, **shown(new))
    await in_time(until(lambda: quotas.begun))
    asked.task.cancel()
    await in_time(asyncio.wait([asked.task]))
    assert (kit.used(new), app.state.admission.taken) == ((0, 0), 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_service_that_stops_tells_what_breaks_off(kit: WaitingRagkit, stream: bool) -> None:
    new, app = kit.key(), service(kit)
    asked = Call(app, "/v1/ask", QUESTION | {"stream": stream}, **shown(new))
    await in_time(until(lambda: kit.begun))
    (spending,) = app.state.under_way
    spending.stop(within_s=0.01)
    await in_time(asked.task)
    assert asked.status == (200 if stream else 503)
    assert b'"overloaded"' in asked.body
    assert b"is stopping" in asked.body
    assert (kit.used(new)[1], app.state.under_way) == (0, set())


async def test_a_form_is_read_by_the_route_for_uploads_alone(kit: WaitingRagkit) -> None:
    app = service(kit, max_file_mb=50)
    sent = Call(app, "/v1/search", [b"x" * 1_000_000] * 40, **FORM)
    await in_time(sent.task)
    assert sent.status == 413
    assert sent.read < 6_000_000


async def test_an_upload_without_the_right_to_it_is_refused_before_it_is_read(kit: WaitingRagkit) -> None:
    app = service(kit)
    sent = Call(app, "/v1/documents", [PART, *[b"x" * 1_000_000] * 40, b"\r\n--b--\r\n"], **FORM, **shown(kit.key()))
    await in_time(sent.task)
    assert (sent.status, sent.read) == (403, 0)


async def test_an_upload_is_one_file(kit: WaitingRagkit) -> None:
    app = service(kit)
    sent = Call(app, "/v1/documents", [PART + b"y" * 900_000 + b"\r\n"] * 40, **FORM, **shown(kit.key("editor")))
    await in_time(sent.task)
    assert b"Too many files" in sent.body, sent.body
    assert sent.status == 400
    assert sent.read < 4_000_000
