"""The double of a language model, asked as any client would ask it."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from typing import Any

import httpx2
import pytest

from ragkit.errors import InputError
from ragkit.testing.openai_server import OpenAIServer, Script, words
from ragkit.testing.scripts import behaviour, moment, since

pytestmark = pytest.mark.anyio

PROMPT = (
    'Sources:\n\n<source number="1" title="A">\nOne is odd. More.\n</source>\n\n<source number="2">\nTwo.\n</source>'
)


def body(model: str = "any", **more: Any) -> dict[str, Any]:
    asked = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
    return asked | {"stream": True, "stream_options": {"include_usage": True}} | more


async def events(server: OpenAIServer, asked: dict[str, Any]) -> list[Any]:
    async with httpx2.AsyncClient() as client:
        reply = await client.post(f"{server.url}/chat/completions", json=asked, timeout=20)
        return [line.removeprefix("data: ") for line in reply.text.splitlines() if line]


def text_of(found: list[Any]) -> str:
    choices = [choice for event in found[:-1] for choice in json.loads(event)["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


async def test_a_stream_ends_with_its_usage() -> None:
    with OpenAIServer(Script(deltas=words("Hello to you."))) as server:
        found = await events(server, body())
    assert text_of(found) == "Hello to you."
    assert found[-1] == "[DONE]"
    assert json.loads(found[-2])["usage"]["completion_tokens"] == 3 == server.written


async def test_a_whole_reply() -> None:
    with OpenAIServer(Script(deltas=("Hel", "lo."), finish_reason="length")) as server, httpx2.Client() as client:
        reply = client.post(f"{server.url}/chat/completions", json=body(stream=False)).json()
        assert client.get(f"{server.url}/models").json()["data"][0]["id"] == "double"
    assert reply["choices"][0] == {
        "index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "length",
    }  # fmt: skip
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"] + 2


async def test_a_script_of_errors() -> None:
    script = Script(status=429, headers={"retry-after": "7"}, message="slow down")
    with OpenAIServer(script) as server, httpx2.Client() as client:
        reply = client.post(f"{server.url}/chat/completions", json=body())
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
    assert reply.json()["error"]["message"] == "slow down"


async def test_a_reply_that_breaks_off() -> None:
    with OpenAIServer(Script(deltas=["word "] * 9, drop_after=3)) as server:
        with pytest.raises(httpx2.RemoteProtocolError):
            await events(server, body())
        assert server.written == 3


@pytest.mark.parametrize(("fault", "seen"), [("malformed_after", "{not json"), ("error_after", "scripted error")])
async def test_faults_in_the_middle(fault: str, seen: str) -> None:
    with OpenAIServer(Script(deltas=["word "] * 9, **{fault: 3})) as server:
        found = await events(server, body())
    assert seen in found[3]


async def test_the_name_of_the_model_says_how_it_behaves() -> None:
    with OpenAIServer() as server:
        found = await events(server, body("double-ttft5-tps2000-n7"))
        assert text_of(found) == "word " * 7
        assert text_of(await events(server, body("double-echo"))) == "One is odd. [1] Two. [2]"
        assert "no behaviour" in (await events(server, body("double-fast")))[0]


def test_a_clock_says_when_each_token_was_sent() -> None:
    began = time.time()
    said = list(behaviour("double-n20-clock", random.Random(1)).reply_to({}))
    assert len(said) == 20
    assert [place for place, text in enumerate(said) if text.endswith(".\n")] == [9, 19]
    assert all(0 <= since(text.rstrip(".\n "), time.time()) <= 1e3 * (time.time() - began) + 1 for text in said)
    assert since(moment(1_000_000.5), 1_000_002.0) == 1_500


@pytest.mark.parametrize("name", ["double-fast", "double-ttft", "double-echo3", "double-5", "single-n5"])
def test_a_name_that_says_nothing(name: str) -> None:
    with pytest.raises(InputError, match="no behaviour"):
        behaviour(name, random.Random(1))


def test_failures_come_as_often_as_the_name_says() -> None:
    dice = random.Random(1)
    scripts = [behaviour("double-fail20-drop10-limit5-after3", dice) for _ in range(2000)]
    assert 340 < sum(script.status == 500 for script in scripts) < 460
    assert 150 < sum(script.drop_after is not None for script in scripts) < 250
    limited = [script for script in scripts if script.status == 429]
    assert 70 < len(limited) < 130
    assert limited[0].headers == {"retry-after": "3"}


async def test_hundreds_of_streams_at_once() -> None:
    limits = httpx2.Limits(max_connections=300)
    with OpenAIServer(keep=False) as server:
        async with httpx2.AsyncClient(limits=limits, timeout=60) as client:
            url = f"{server.url}/chat/completions"
            replies = await asyncio.gather(
                *(client.post(url, json=body("double-ttft20-tps200-n10")) for _ in range(200))
            )
        assert all(text_of(reply.text.split("data: ")[1:]) == "word " * 10 for reply in replies)
        assert (server.written, server.streaming, server.requests) == (2000, 0, [])


def test_it_runs_alone() -> None:
    command = [sys.executable, "-m", "ragkit.testing.openai_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert httpx2.get(f"{url}/models").status_code == 200
            process.terminate()
            assert process.communicate(timeout=60) == ("", "")
        finally:
            process.kill()
