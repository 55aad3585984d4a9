from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import anyio
import pytest

from ragkit.errors import ConfigError, RagkitError, UpstreamError, UpstreamRateLimited, UpstreamTimeout
from ragkit.models.chat import open_chat, open_language_model
from ragkit.models.fallback import FallbackChat
from ragkit.models.patience import Patience
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.testing import HashedEmbedder, ScriptedChat
from ragkit.testing.openai_server import OpenAIServer, Script
from ragkit.types import Hit, Message, Usage

pytestmark = pytest.mark.anyio

TEXT = "Refunds take 30 days."
SOURCE = Hit(
    rank=1, score=1.0, via=("dense",), document_id="d", uri="u", title="Returns", page=None, heading="", chunk_id="c",
    start=0, end=len(TEXT), text=TEXT,
)  # fmt: skip
REQUEST = ChatRequest(
    messages=(Message(role="user", text="How long do refunds take?"),),
    question="How long do refunds take?",
    sources=(SOURCE,),
)
BARE = ChatRequest(messages=REQUEST.messages, question=REQUEST.question)
HASTY = Patience(first_s=0.001, longest_s=0.002, total_s=5.0, failures=4, rest_s=60)
DOWN = UpstreamError("'a:1' failed: it is down.")


class Said:
    """What was written, by whom, and why by that one."""

    def __init__(self, deltas: list[ChatDelta]) -> None:
        self.text = "".join(delta.text for delta in deltas)
        self.model = next((delta.model for delta in deltas if delta.model), None)
        self.fallback = next((delta.fallback for delta in deltas if delta.fallback), None)
        self.usage = deltas[-1].usage


async def said(chat: ChatModel, request: ChatRequest = REQUEST) -> Said:
    return Said([delta async for delta in chat.stream(request)])


def down(name: str = "a:1") -> ScriptedChat:
    return ScriptedChat([DOWN], name=name)


async def test_the_first_model_answers() -> None:
    second = ScriptedChat("no", name="b:1")
    answer = await said(FallbackChat([ScriptedChat("yes", name="a:1"), second], patience=HASTY))
    assert (answer.text, answer.model, answer.fallback) == ("yes", None, None)
    assert second.requests == []


async def test_it_is_asked_again_before_the_first_token() -> None:
    first = ScriptedChat([DOWN], [DOWN], "yes", name="a:1")
    answer = await said(FallbackChat([first], patience=HASTY))
    assert (answer.text, answer.fallback, len(first.requests)) == ("yes", None, 3)


async def test_the_next_model_answers_and_the_answer_says_why() -> None:
    first = down()
    answer = await said(FallbackChat([first, ScriptedChat("yes", name="b:1")], patience=HASTY))
    assert (answer.text, answer.model, answer.fallback) == ("yes", "b:1", DOWN.detail)
    assert len(first.requests) == 3


async def test_what_was_begun_is_not_written_anew() -> None:
    second = ScriptedChat("no", name="b:1")
    chat = FallbackChat([ScriptedChat(["Refunds ", DOWN], name="a:1"), second], last=second, patience=HASTY)
    stream = aiter(chat.stream(REQUEST))
    assert (await anext(stream)).text == "Refunds "
    with pytest.raises(UpstreamError):
        await anext(stream)
    assert second.requests == []


async def test_the_last_resort_quotes_the_sources() -> None:
    with OpenAIServer(Script(status=400)) as server:
        settings = Settings(llm="openai:a,openai:b", llm_base_url=server.url)
        answer = await said(open_chat(settings, reader=Reader(HashedEmbedder())))
    assert answer.text == "Refunds take 30 days. [1]"
    assert answer.model == "extractive"
    assert "'openai:a' failed" in str(answer.fallback)
    assert [request["model"] for request in server.requests] == ["a", "b"]


async def test_nothing_stands_in_for_a_model_without_sources() -> None:
    chat = FallbackChat([down()], last=ScriptedChat("no"), patience=HASTY)
    with pytest.raises(UpstreamError, match="it is down"):
        await said(chat, BARE)


async def test_a_wrong_key_is_no_outage() -> None:
    """Whoever runs the service hears of it, instead of getting other answers than expected."""
    wrong = ScriptedChat([ConfigError("'a:1' does not accept the key (401).")], name="a:1")
    with pytest.raises(ConfigError):
        await said(FallbackChat([wrong], last=ScriptedChat("no"), patience=HASTY))
    assert len(wrong.requests) == 1


async def test_a_model_that_writes_nothing_costs_and_is_replaced() -> None:
    empty = ScriptedChat([], name="a:1", usage=Usage(input_tokens=5, output_tokens=9, cost_usd=0.5))
    other = ScriptedChat("yes", name="b:1", usage=Usage(input_tokens=5, output_tokens=1, cost_usd=0.25))
    answer = await said(FallbackChat([empty, other], patience=HASTY))
    assert (answer.text, answer.fallback) == ("yes", "'a:1' wrote nothing.")
    assert answer.usage == Usage(input_tokens=10, output_tokens=10, cost_usd=0.75)
    assert len(empty.requests) == 1


async def test_a_provider_that_asks_to_slow_down_is_given_the_time() -> None:
    first = ScriptedChat([UpstreamRateLimited("slow", retry_after=0.01)], "yes", name="a:1")
    assert (await said(FallbackChat([first], patience=HASTY))).text == "yes"


async def test_but_not_more_than_the_answer_may_wait() -> None:
    """It is left alone for as long as it asked for: the next question does not knock again."""
    first = ScriptedChat([UpstreamRateLimited("slow", retry_after=60)], name="a:1")
    chat = FallbackChat([first, ScriptedChat("yes", name="b:1")], patience=HASTY)
    assert (await said(chat)).fallback == "slow"
    assert (await said(chat)).fallback == "'a:1' is left alone for now: slow"
    assert len(first.requests) == 1


async def test_a_provider_that_fails_again_and_again_is_left_alone() -> None:
    first = down()
    chat = FallbackChat([first, ScriptedChat("yes", name="b:1")], patience=HASTY)
    for _ in range(5):
        assert (await said(chat)).text == "yes"
    assert len(first.requests) == HASTY.failures


async def test_a_silent_provider_is_not_asked_again() -> None:
    silent = ScriptedChat([UpstreamTimeout("silent")], name="a:1")
    assert (await said(FallbackChat([silent, ScriptedChat("yes", name="b:1")], patience=HASTY))).text == "yes"
    assert len(silent.requests) == 1


class Hanging:
    """Writes nothing, and says when it is let go."""

    name = "h:1"

    def __init__(self) -> None:
        self.waiting = anyio.Event()
        self.closed = False

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        try:
            self.waiting.set()
            await anyio.sleep_forever()
            yield ChatDelta()
        finally:
            self.closed = True


async def test_a_first_token_has_to_come_in_time() -> None:
    hanging = Hanging()
    with pytest.raises(UpstreamTimeout, match="wrote nothing in the"):
        await said(FallbackChat([hanging], patience=Patience(total_s=0.05)))
    assert hanging.closed


async def test_leaving_before_the_first_token_lets_go_of_the_provider() -> None:
    hanging = Hanging()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(said, FallbackChat([hanging], patience=HASTY))
        await hanging.waiting.wait()
        tasks.cancel_scope.cancel()
    assert hanging.closed


@pytest.mark.parametrize("script", [Script(hang_after=0), Script(deltas=["word "] * 50, hang_after=3)])
async def test_leaving_hangs_up(script: Script) -> None:
    """Over a real socket: before the first token, and in the middle of the reply."""
    with OpenAIServer(script) as server:
        chat = open_language_model(Settings(llm="openai:small", llm_base_url=server.url))
        with anyio.move_on_after(1.0):
            await said(chat)
        assert await anyio.to_thread.run_sync(server.disconnected.wait, 10)


async def test_closing_lets_go_of_the_model_that_writes() -> None:
    first = ScriptedChat(["word "] * 50, name="a:1")
    stream = cast("AsyncGenerator[ChatDelta]", FallbackChat([first], patience=HASTY).stream(REQUEST))
    await anext(stream)
    await stream.aclose()
    assert first.cancelled == 1


async def test_addresses_and_keys_go_to_their_own_models() -> None:
    with OpenAIServer(Script(status=400)) as first, OpenAIServer(Script(deltas=("yes",))) as second:
        urls = f"{first.url},{second.url}"
        settings = Settings(llm="openai:a, openai:b", llm_base_url=urls, llm_api_key="one, two")
        assert (await said(open_language_model(settings))).text == "yes"
    assert [request["authorization"] for request in first.requests] == ["Bearer one"]
    assert [request["authorization"] for request in second.requests] == ["Bearer two"]


async def test_each_model_needs_its_address() -> None:
    settings = Settings(llm="openai:a,openai:b,openai:c", llm_base_url="http://127.0.0.1:1,http://127.0.0.1:2")
    with pytest.raises(ConfigError, match="2 values, and RAGKIT_LLM 3 models"):
        open_language_model(settings)


@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_a_key_is_never_logged(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Not at any level, not in an error with all its causes, and not where the provider repeats it."""
    key = "sk-very-secret-0123456789"
    shown = ""
    with caplog.at_level(logging.DEBUG), OpenAIServer(Script(status=status, message=f"bad key {key}")) as server:
        settings = Settings(llm="openai:small", llm_base_url=server.url, llm_api_key=key)
        try:
            await said(open_language_model(settings), BARE)
        except RagkitError as error:
            shown = "".join(traceback.format_exception(error)) + str(error.hint)
        assert server.requests[0]["authorization"] == f"Bearer {key}"
    logged = [f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    assert logged
    assert key not in f"{shown} {settings!r} {logged}"
