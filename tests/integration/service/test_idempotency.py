"""Requests that are sent twice because a reply was lost."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ragkit.testing.engine import MemoryRagkit

PROMPT = {"name": "answer", "template": "{question} {sources}"}


def post(http: Any, body: Any, key: str, path: str = "/v1/prompts", **headers: str) -> Any:
    return http.post(path, json=body, headers={"Idempotency-Key": key} | headers)


def test_the_second_gets_the_reply_of_the_first(http):
    first, again = post(http, PROMPT, "a"), post(http, PROMPT, "a")
    assert first.json()["version"] == 2
    assert again.json() == first.json()
    assert again.status_code == first.status_code
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert post(http, PROMPT, "b").json()["version"] == 3


def test_a_key_is_for_one_request(http):
    post(http, PROMPT, "a")
    for told in (post(http, PROMPT | {"note": "other"}, "a"), post(http, PROMPT, "a", path="/v1/search")):
        assert (told.status_code, told.json()["code"]) == (422, "invalid_input")
        assert "with another request" in told.json()["detail"]
    assert post(http, PROMPT, "x" * 201).status_code == 422


def test_a_key_is_the_callers_own(open_service):
    http = open_service(api_keys=("mine", "theirs"))
    versions = [
        post(http, PROMPT, "a", Authorization=f"Bearer {key}").json()["version"] for key in ("mine", "theirs", "mine")
    ]
    assert versions == [2, 3, 2]


def test_streams_and_failures_are_not_kept(http, kit):
    body = {"question": "Are gift cards refundable?", "collection": "shop", "stream": True}
    for _ in range(2):
        assert "idempotency-replayed" not in post(http, body, "a", path="/v1/ask").headers
    kit.views["doc_bad"] = object()
    assert post(http, {"query": "x"}, "b", path="/v1/search").status_code == 500
    del kit.views["doc_bad"]
    assert post(http, {"query": "x", "collection": "shop"}, "b", path="/v1/search").status_code == 200


def test_what_is_too_large_is_refused_with_a_key_as_without(http):
    parts = (b" " * 1_000_000 for _ in range(6))  # without a length that could be looked at before
    headers = {"Idempotency-Key": "a", "Content-Type": "application/json"}
    told = http.post("/v1/search", content=parts, headers=headers)
    assert (told.status_code, told.json()["code"]) == (413, "too_large")


class Slow(MemoryRagkit):
    """Takes its time over a question."""

    async def stream(self, question: str, **how: Any) -> Any:
        await asyncio.sleep(0.2)
        async for event in super().stream(question, **how):
            yield event


class TestTogether:
    @pytest.fixture
    def kit(self):
        return Slow()

    def test_who_comes_while_the_first_is_under_way_waits_for_its_reply(self, http):
        body = {"question": "Are gift cards refundable?", "collection": "shop"}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: post(http, body, "a", path="/v1/ask").json()["trace_id"], range(4)))
        assert len(set(answers)) == 1
