from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any, cast

import pytest

from ragkit.errors import UpstreamError
from ragkit.models.chat import open_chat
from ragkit.models.fallback import FallbackChat
from ragkit.models.patience import Patience
from ragkit.models.remembered import RememberingChat
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.testing import HashedEmbedder, ScriptedChat
from ragkit.testing.openai_server import OpenAIServer
from ragkit.types import Hit, Message, Usage

pytestmark = pytest.mark.anyio

SOURCE = Hit(
    rank=1, score=1.0, via=("dense",), document_id="d", uri="u", title="Returns", page=None, heading="", chunk_id="c",
    start=0, end=21, text="Refunds take 30 days.",
)  # fmt: skip
REQUEST = ChatRequest(
    messages=(Message(role="user", text="How long?"),), question="How long?", sources=(SOURCE,), scope="handbook"
)


async def said(chat: ChatModel, request: ChatRequest = REQUEST) -> tuple[str, Usage | None]:
    deltas = [delta async for delta in chat.stream(request)]
    return "".join(delta.text for delta in deltas), deltas[-1].usage


async def test_an_equal_request_is_answered_from_memory() -> None:
    chat = ScriptedChat(["30 ", "days"], "other")
    remembering = RememberingChat(chat, most=5)
    assert (await said(remembering))[0] == "30 days"
    assert await said(remembering) == ("30 days", Usage(cached=True))
    assert (len(chat.requests), remembering.hits, remembering.misses) == (1, 1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"messages": (Message(role="user", text="How long"),)},
        {"messages": (Message(role="system", text="How long?"),)},
        {"sources": (replace(SOURCE, text="Refunds take 14 days."),)},
        {"sources": (replace(SOURCE, chunk_id="of the next version"),)},
        {"sources": ()},
        {"max_tokens": 5},
        {"scope": "handbook, seen by somebody else"},
    ],
)
async def test_any_change_asks_the_model(change: dict[str, Any]) -> None:
    chat = ScriptedChat("30 days", "other")
    remembering = RememberingChat(chat, most=5)
    await said(remembering)
    assert (await said(remembering, replace(REQUEST, **change)))[0] == "other"


async def test_those_used_last_are_kept() -> None:
    chat = ScriptedChat("yes")
    remembering = RememberingChat(chat, most=2)
    first, second, third = (replace(REQUEST, question=question) for question in "abc")
    for request in (first, second, first, third, first, second):
        await said(remembering, request)
    assert remembering.hits == 2
    assert [request.question for request in chat.requests] == ["a", "b", "c", "b"]


async def test_what_an_outage_made_is_not_kept() -> None:
    first = ScriptedChat(
        [UpstreamError("down")], [UpstreamError("down")], [UpstreamError("down")], "30 days", name="a:1"
    )
    patience = Patience(first_s=0.001, longest_s=0.002, total_s=5)
    remembering = RememberingChat(FallbackChat([first], last=ScriptedChat("quoted"), patience=patience), most=5)
    assert (await said(remembering))[0] == "quoted"
    assert (await said(remembering))[0] == "30 days"


@pytest.mark.parametrize("reply", [["30 ", UpstreamError("broke off")], []])
async def test_nor_is_half_a_reply_or_none(reply: list[str | Exception]) -> None:
    chat = ScriptedChat(reply, "30 days")
    remembering = RememberingChat(chat, most=5)
    with contextlib.suppress(UpstreamError):
        await said(remembering)
    assert (await said(remembering))[0] == "30 days"


async def test_nor_one_that_nobody_waited_for() -> None:
    chat = ScriptedChat(["30 ", "days"])
    remembering = RememberingChat(chat, most=5)
    stream = cast("AsyncGenerator[ChatDelta]", remembering.stream(REQUEST))
    await anext(stream)
    await stream.aclose()
    await said(remembering)
    assert (len(chat.requests), chat.cancelled) == (2, 1)


@pytest.mark.parametrize(("kept", "asked"), [(0, 2), (10, 1)])
async def test_it_is_off_until_it_is_asked_for(kept: int, asked: int) -> None:
    with OpenAIServer() as server:
        settings = Settings(llm="openai:small", llm_base_url=server.url, llm_cache=kept)
        chat = open_chat(settings, reader=Reader(HashedEmbedder()))
        assert (await said(chat))[0] == (await said(chat))[0]
    assert len(server.requests) == asked
