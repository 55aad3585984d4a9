"""Streams that break off: going on where the reader was, being left, and being ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from ragkit.client import Client
from ragkit.errors import Conflict, NotFound, UpstreamError
from ragkit.events import Token
from ragkit.service.streams import MOST_BYTES, Streams

QUESTION = {"question": "Are gift cards refundable?", "collection": "shop", "stream": True, "resumable": True}


def read(http: Any, *, after: int = 0, trace_id: str = "trace_1", headers: dict[str, str] | None = None) -> Any:
    sent = {"Last-Event-ID": str(after)} | (headers or {})
    with http.stream("GET", f"/v1/ask/{trace_id}/events", headers=sent) as response:
        if response.is_success:
            return 200, [(int(event.id), event.event, event.data) for event in httpx2.EventSource(response)]
        return response.status_code, []


def test_what_was_missed_is_read_again_in_its_order(http):
    with http.stream("POST", "/v1/ask", json=QUESTION) as response:
        whole = [(int(event.id), event.event, event.data) for event in httpx2.EventSource(response)]
    assert [number for number, _, _ in whole] == list(range(1, len(whole) + 1))
    assert whole[-1][1] == "done"
    for after in (0, 3, len(whole)):
        assert read(http, after=after) == (200, whole[after:])
    assert read(http, after=len(whole) + 1)[0] == 409
    assert read(http, trace_id="trace_9")[0] == 404
    assert http.get("/v1/ask/trace_1/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_another_caller_finds_no_stream(open_service):
    http = open_service(api_keys=("mine", "theirs"))
    mine, theirs = ({"Authorization": f"Bearer {key}"} for key in ("mine", "theirs"))
    http.post("/v1/documents", files={"file": ("a.md", b"Gift cards.")}, data={"collection": "shop"}, headers=mine)
    with http.stream("POST", "/v1/ask", json=QUESTION, headers=mine) as response:
        response.read()
    assert read(http, headers=theirs)[0] == 404
    assert http.delete("/v1/ask/trace_1", headers=theirs).status_code == 404
    assert read(http, headers=mine)[0] == 200


class Breaking(httpx2.BaseTransport):
    """Passes requests on, and breaks the body of the first replies off after some bytes."""

    def __init__(self, http: Any, *breaks: int) -> None:
        self._http = http
        self._breaks = list(breaks)
        self.paths: list[str] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(f"{request.method} {request.url.path}")
        reply = self._http.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers)
        )
        if reply.status_code != 200 or not self._breaks:
            return httpx2.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return httpx2.Response(200, headers=reply.headers, stream=_Broken(reply.content[: self._breaks.pop(0)]))


class _Broken(httpx2.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Any:
        yield self._content
        raise httpx2.ReadError("connection reset")


def test_the_sdk_goes_on_by_itself_and_misses_nothing(http):
    whole = list(Client(http_client=http).stream("Are gift cards refundable?", collection="shop"))
    transport = Breaking(http, 700, 250)
    with Client("http://127.0.0.1:8000", http_client=httpx2.Client(transport=transport)) as client:
        events = list(client.stream("Are gift cards refundable?", collection="shop"))
    assert [event.event for event in events] == [event.event for event in whole]
    assert "".join(event.text for event in events if isinstance(event, Token)) == events[-1].answer.answer
    assert transport.paths == ["POST /v1/ask", *["GET /v1/ask/trace_2/events"] * 2]


def test_the_sdk_gives_up_when_nothing_more_comes(http):
    transport = Breaking(http, 700, 0, 0, 0, 0)
    with (
        Client("http://127.0.0.1:8000", http_client=httpx2.Client(transport=transport), max_retries=1) as client,
        pytest.raises(UpstreamError),
    ):
        list(client.stream("Are gift cards refundable?", collection="shop"))
    assert transport.paths[-1] == "DELETE /v1/ask/trace_1"


def test_an_answer_that_is_ended_or_left_stops_its_model():
    async def scenario() -> None:
        streams, closed = Streams(0.01), asyncio.Semaphore(0)

        async def close() -> None:
            closed.release()

        async def endless() -> AsyncIterator[tuple[str, str]]:
            yield "token", "x"
            await asyncio.Event().wait()

        ended = streams.begin("a", "me", endless(), close)
        assert (await anext(ended)).id == "1"
        with pytest.raises(NotFound):
            streams.cancel("a", "you")
        streams.cancel("a", "me")
        assert [event async for event in ended] == []
        await closed.acquire()

        left = streams.begin("b", "me", endless(), close)
        await anext(left)
        await left.aclose()
        await closed.acquire()
        again = streams.begin("c", "me", endless(), close)
        await anext(again)
        await streams.aclose()
        await closed.acquire()
        await asyncio.sleep(0.1)
        with pytest.raises(NotFound):
            streams.resume("b", "me", 1)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_reader_that_is_far_behind_is_waited_for():
    async def scenario() -> None:
        streams, written = Streams(5), []

        async def answer() -> AsyncIterator[tuple[str, str]]:
            for number in range(12):
                written.append(number)
                yield "token", "x" * (MOST_BYTES // 4)

        async def close() -> None:
            done.set()

        done = asyncio.Event()
        slow = streams.begin("a", "me", answer(), close)
        assert (await anext(slow)).id == "1"
        await asyncio.sleep(0)
        assert len(written) == 6, "no more than there is room for"
        assert [event.id async for event in slow] == [str(number) for number in range(2, 13)]
        await done.wait()
        kept = [event.id async for event in streams.resume("a", "me", 10)]
        assert kept == ["11", "12"]
        with pytest.raises(Conflict):
            streams.resume("a", "me", 1)
        await streams.aclose()

    asyncio.run(asyncio.wait_for(scenario(), 20))
