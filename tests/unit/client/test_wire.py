"""What is sent, what is tried again, and what replies are taken for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import httpx2
import pytest

from ragkit.client import Client
from ragkit.errors import (
    Busy,
    ConfigError,
    Conflict,
    NotFound,
    RagkitError,
    Unauthenticated,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from ragkit.types import Filters

Reply = httpx2.Response | Exception
SOON = {"Retry-After": "0"}
FOUND = {"query": "q", "hits": [], "took_ms": 1.0}


class Service:
    """Replies in order with what it was given, and keeps what it was sent."""

    def __init__(self, replies: Iterable[Reply]) -> None:
        self.replies = iter(replies)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = next(self.replies)
        if isinstance(reply, Exception):
            raise reply
        return reply


def client(service: Callable[[httpx2.Request], httpx2.Response], **options: object) -> Client:
    return Client("http://kb.test/", http_client=httpx2.Client(transport=httpx2.MockTransport(service)), **options)


def test_what_is_not_given_is_not_sent():
    service = Service([httpx2.Response(200, json=FOUND)])
    client(service, api_key="secret").search("q", filters=Filters(uri_prefix="a/"))
    (request,) = service.requests
    assert str(request.url) == "http://kb.test/v1/search"
    assert request.headers["authorization"] == "Bearer secret"
    sent = json.loads(request.content)
    assert sent == {
        "query": "q",
        "k": 10,
        "mode": "hybrid",
        "filters": {"uri_prefix": "a/"},
    }


def test_address_and_key_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("RAGKIT_URL", "http://elsewhere.test:1/base/")
    monkeypatch.setenv("RAGKIT_API_KEY", "from-env")
    service = Service([httpx2.Response(200, json={"jobs": []})])
    with Client() as own:
        own._http = httpx2.Client(transport=httpx2.MockTransport(service))
        own._send._http = own._http
        assert own.jobs.list() == ()
    assert str(service.requests[0].url) == "http://elsewhere.test:1/base/v1/jobs?limit=500"
    assert service.requests[0].headers["authorization"] == "Bearer from-env"


def test_a_key_is_never_in_what_is_said_of_it():
    service = Service([httpx2.Response(200, json=FOUND)])
    client(service, api_key=" secret\n").search("q")
    assert service.requests[0].headers["authorization"] == "Bearer secret"
    for key in ("ключ", "se\ncret"):
        with pytest.raises(ConfigError) as caught:
            client(service, api_key=key)
        assert key not in str(caught.value)


def test_what_is_no_address_is_told_so():
    with pytest.raises(ConfigError, match="'http://localhost:80a' is not an address"):
        Client("http://localhost:80a")


def test_names_are_one_part_of_the_path():
    service = Service([httpx2.Response(200, json={"documents": 1})])
    assert client(service).collections.delete("a/../b ?#") == 1
    assert service.requests[0].url.raw_path == b"/v1/collections/a%2F..%2Fb%20%3F%23"


@pytest.mark.parametrize(
    "passing",
    [
        httpx2.Response(429, headers=SOON),
        httpx2.Response(502, headers=SOON),
        httpx2.Response(503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        httpx2.Response(503, headers={"Retry-After": "Thu, 01 Jan 1970 00:00:00 -0000"}),
        httpx2.Response(504, headers=SOON),
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("slow"),
        httpx2.RemoteProtocolError("cut"),
    ],
    ids=lambda reply: getattr(reply, "status_code", type(reply).__name__),
)
def test_a_search_is_tried_again(passing):
    service = Service([passing, httpx2.Response(200, json=FOUND)])
    assert client(service).search("q").hits == ()
    assert len(service.requests) == 2


@pytest.mark.parametrize("lost", [httpx2.ReadTimeout("slow"), httpx2.ReadError("cut"), httpx2.Response(502)])
def test_a_question_whose_answer_may_be_under_way_is_not_asked_again(lost):
    service = Service([lost])
    with pytest.raises(UpstreamError):
        client(service).ask("q")
    assert len(service.requests) == 1


def test_a_question_that_was_turned_away_is_asked_again_twice_at_most():
    problem = {"code": "busy", "detail": "Too much.", "hint": "Wait.", "trace_id": "t1"}
    service = Service([httpx2.Response(429, json=problem, headers=SOON)] * 3)
    with pytest.raises(Busy, match="Too much") as caught:
        client(service).ask("q")
    assert (caught.value.hint, caught.value.trace_id, caught.value.retry_after) == ("Wait.", "t1", 0.0)
    assert len(service.requests) == 3


def test_a_question_is_not_paid_twice_where_its_provider_asks_to_slow_down():
    service = Service([httpx2.Response(503, json={"code": "upstream_limited"}, headers=SOON)])
    with pytest.raises(UpstreamRateLimited):
        client(service).ask("q")
    assert len(service.requests) == 1


def test_a_stream_that_has_not_begun_is_tried_again_like_an_answer():
    turned_away = httpx2.Response(503, json={"code": "overloaded"}, headers=SOON)
    service = Service([turned_away, turned_away, stream_of('event: token\ndata: {"text": "a"}\n\n')])
    assert next(client(service).stream("q")).text == "a"
    assert len(service.requests) == 3


def test_a_wait_of_more_than_a_minute_is_left_to_the_caller():
    service = Service([httpx2.Response(503, json={"code": "upstream_limited"}, headers={"Retry-After": "3600"})])
    with pytest.raises(UpstreamRateLimited) as caught:
        client(service).search("q")
    assert caught.value.retry_after == 3600


def test_no_retries_when_none_are_wanted():
    service = Service([httpx2.ConnectError("refused")])
    with pytest.raises(UpstreamError, match="cannot be reached") as caught:
        client(service, max_retries=0).search("q")
    assert "ragkit serve" in (caught.value.hint or "")
    assert "http://kb.test" in caught.value.detail


def test_silence_is_a_timeout():
    with pytest.raises(UpstreamTimeout, match="fell silent: slow"):
        client(Service([httpx2.ReadTimeout("slow")])).ask("q")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"code": "not_found", "detail": "There is no job 'x'."}, NotFound),
        (409, {"code": "conflict", "detail": "Changed."}, Conflict),
        (500, {"code": "a_code_of_the_future", "detail": "New."}, RagkitError),
        (401, None, Unauthenticated),
        (404, {"message": "no code"}, NotFound),
        (500, None, RagkitError),
        (418, None, RagkitError),
        (302, None, RagkitError),
    ],
)
def test_failures_become_the_exceptions_of_the_engine(status, body, kind):
    reply = httpx2.Response(status, json=body) if body else httpx2.Response(status, text="<html>proxy</html>")
    with pytest.raises(RagkitError) as caught:
        client(Service([reply]), max_retries=0).jobs.get("x")
    assert type(caught.value) is kind
    assert caught.value.detail


@pytest.mark.parametrize("content", [b"<html>", b"{}", b'{"jobs": 7}', b""])
def test_a_reply_that_is_not_ragkit_is_told_so(content):
    with pytest.raises(UpstreamError, match="not understood"):
        client(Service([httpx2.Response(200, content=content)])).jobs.list()


def test_fields_of_a_newer_service_do_no_harm():
    service = Service([httpx2.Response(200, json=FOUND | {"new": 1})])
    assert client(service).search("q").query == "q"


def stream_of(text: str) -> httpx2.Response:
    return httpx2.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def test_a_stream_that_breaks_off_is_an_error_and_unknown_events_are_passed_over():
    service = Service([stream_of('event: later\ndata: {}\n\n: ping\n\nevent: token\ndata: {"text": "a"}\n\n')])
    events = client(service).stream("q")
    assert next(events).text == "a"
    with pytest.raises(UpstreamError, match="broke off"):
        next(events)


def test_a_damaged_event_is_an_error():
    with pytest.raises(UpstreamError, match="'token'"):
        next(client(Service([stream_of("event: token\ndata: {}\n\n")])).stream("q"))


def test_a_stream_that_cannot_begin_raises_what_the_engine_would():
    service = Service([httpx2.Response(404, json={"code": "not_found", "detail": "No such collection."})])
    with pytest.raises(NotFound, match="No such collection"):
        next(client(service).stream("q"))


def test_what_is_not_a_stream_is_told_so():
    with pytest.raises(UpstreamError):
        next(client(Service([httpx2.Response(200, json={})])).stream("q"))
