"""Asking over HTTP: whole answers, streams, and clients that leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx2 import EventSource

from ragkit.errors import RagkitError, UpstreamTimeout
from ragkit.events import Accepted, Event
from ragkit.service.app import create_service
from ragkit.settings import Settings
from ragkit.testing.engine import MemoryRagkit

QUESTION = {"question": "Are gift cards refundable?", "collection": "shop"}


def events(http: Any, body: dict[str, Any]) -> list[tuple[str, Any]]:
    with http.stream("POST", "/v1/ask", json=body | {"stream": True}) as response:
        assert response.status_code == 200
        return [(event.event, event.json()) for event in EventSource(response)]


def test_an_answer_quotes_its_source(http):
    answer = http.post("/v1/ask", json=QUESTION).json()
    assert answer["citations"][0]["quote"] == "Gift cards are not refundable."
    assert answer["prompt"] == {"name": "answer", "version": 1}


def test_a_stream_names_its_events_and_ends_with_the_whole_answer(http):
    seen = events(http, QUESTION)
    names = [name for name, _ in seen]
    assert names[:2] == ["accepted", "retrieved"]
    assert names[-3:] == ["citation", "verdict", "done"]
    assert "".join(data["text"] for name, data in seen if name == "token") == "Gift cards are not refundable. [1]"
    whole = http.post("/v1/ask", json=QUESTION).json()
    done = seen[-1][1]
    assert done | {"trace_id": 0, "conversation_id": 0} == whole | {"trace_id": 0, "conversation_id": 0}
    assert dict(seen)["citation"] == whole["citations"][0]
    assert all("event" not in data for _, data in seen)


def test_a_question_with_line_breaks_stays_one_event(http):
    http.post("/v1/documents", files={"file": ("two.md", b"one\r\ntwo\rthree\n\nfour")}, data={"collection": "lines"})
    seen = events(http, {"question": "three", "collection": "lines"})
    assert dict(seen)["citation"]["quote"] == "one\r\ntwo\rthree\n\nfour"


def test_a_stream_that_cannot_begin_is_an_ordinary_problem(http):
    response = http.post("/v1/ask", json=QUESTION | {"collection": "nosuch", "stream": True})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


class Breaking(MemoryRagkit):
    """Breaks off after the first event."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def stream(self, question: str, **_: Any) -> AsyncIterator[Event]:
        yield Accepted(trace_id="t", conversation_id="c")
        raise self.error


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (UpstreamTimeout("The model fell silent.", trace_id="t1"), "upstream_timeout", "The model fell silent."),
        (ZeroDivisionError("secret"), "internal", RagkitError().detail),
    ],
)
class TestBreaking:
    @pytest.fixture
    def kit(self, error):
        return Breaking(error)

    def test_a_stream_that_breaks_off_ends_with_an_error_event(self, open_service, code, detail):
        name, data = events(open_service(), QUESTION)[-1]
        assert name == "error"
        assert (data["code"], data["detail"]) == (code, detail)
        assert data["trace_id"]
        assert "secret" not in json.dumps(data)


class Slow(MemoryRagkit):
    """Writes for ever, and remembers that it was stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.writing = asyncio.Event()
        self.stopped = asyncio.Event()

    async def stream(self, question: str, **_: Any) -> AsyncIterator[Event]:
        try:
            yield Accepted(trace_id="t", conversation_id="c")
            self.writing.set()
            await asyncio.Event().wait()
        finally:
            self.stopped.set()

    async def ask(self, question: str, **_: Any) -> Any:
        async for _event in self.stream(question):
            pass


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_client_that_leaves_cancels_the_model(stream):
    async def scenario() -> None:
        kit = Slow()
        app = create_service(kit, Settings())
        body = json.dumps(QUESTION | {"stream": stream}).encode()
        messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        messages.put_nowait({"type": "http.request", "body": body, "more_body": False})
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/v1/ask", "raw_path": b"/v1/ask", "query_string": b""}
        scope |= {"headers": headers, "scheme": "http", "http_version": "1.1", "asgi": {"spec_version": "2.3"}}
        answering = asyncio.create_task(app(scope, messages.get, lambda message: asyncio.sleep(0)))
        await kit.writing.wait()
        messages.put_nowait({"type": "http.disconnect"})
        await kit.stopped.wait()
        await answering

    asyncio.run(asyncio.wait_for(scenario(), 30))
