from __future__ import annotations

import socket
import sys
from collections.abc import AsyncGenerator
from typing import cast

import anyio.to_thread
import pytest

from ragkit.errors import (
    ConfigError,
    MissingExtra,
    RagkitError,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from ragkit.models.chat import open_chat
from ragkit.models.extractive import ExtractiveChat
from ragkit.models.langchain_chat import open_langchain_model
from ragkit.models.prices import Prices
from ragkit.models.providers import shown
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.testing import HashedEmbedder
from ragkit.testing.openai_server import OpenAIServer, Script
from ragkit.types import Message, Usage

pytestmark = pytest.mark.anyio

REQUEST = ChatRequest(messages=(Message(role="user", text="Say hello."),), question="Say hello.")


def opened(server: OpenAIServer, **settings: object) -> ChatModel:
    values = {"llm": "openai:small", "llm_base_url": server.url, **settings}
    return open_langchain_model("openai", "small", Settings(**values), Prices())


async def failure(script: Script, **settings: object) -> tuple[str, RagkitError]:
    """What was written before the model failed, and how it failed."""
    text = ""
    with OpenAIServer(script) as server:
        try:
            async for delta in opened(server, **settings).stream(REQUEST):
                text += delta.text
        except RagkitError as error:
            return text, error
    pytest.fail(f"It wrote {text!r} and did not fail.")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


async def test_it_sends_what_was_rendered() -> None:
    with OpenAIServer(Script(deltas=("Hel", "lo."), usage=(11, 7))) as server:
        model = opened(server, llm_api_key="secret", llm_max_tokens=50)
        deltas = [delta async for delta in model.stream(REQUEST)]
    assert [delta.text for delta in deltas] == ["Hel", "lo.", ""]
    assert deltas[-1].usage == Usage(input_tokens=11, output_tokens=7, cost_usd=None)
    (request,) = server.requests
    assert request["messages"] == [{"role": "user", "content": "Say hello."}]
    assert request["model"] == "small"
    assert request["max_completion_tokens"] == 50
    assert request["authorization"] == "Bearer secret"


async def test_usage_that_is_not_reported_is_counted() -> None:
    with OpenAIServer(Script(deltas=("Hello", " there"), usage=None)) as server:
        deltas = [delta async for delta in opened(server).stream(REQUEST)]
    assert deltas[-1].usage == Usage(input_tokens=3, output_tokens=2, cost_usd=None)


async def test_who_breaks_a_reply_off_is_told_what_it_has_used() -> None:
    with OpenAIServer(Script(deltas=("Hello", " there"), usage=(3, 2))) as server:
        async for delta in opened(server).stream(REQUEST):
            assert delta.so_far is not None
            assert delta.so_far() == Usage(input_tokens=3, output_tokens=1, cost_usd=None)
            break


async def test_a_rejected_key_names_the_setting() -> None:
    _, error = await failure(Script(status=401))
    assert isinstance(error, ConfigError)
    assert "RAGKIT_LLM_API_KEY" in str(error.hint)


async def test_an_unknown_model_names_the_setting() -> None:
    _, error = await failure(Script(status=404))
    assert isinstance(error, ConfigError)
    assert "RAGKIT_LLM" in str(error.hint)


async def test_a_rate_limit_says_how_long_to_wait() -> None:
    _, error = await failure(Script(status=429, headers={"retry-after": "20"}))
    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after == 20


async def test_a_rate_limit_without_a_time_says_none() -> None:
    _, error = await failure(Script(status=429, headers={"retry-after": "soon"}))
    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after is None


@pytest.mark.parametrize("status", [400, 500, 503])
async def test_a_failing_provider(status: int) -> None:
    _, error = await failure(Script(status=status))
    assert type(error) is UpstreamError


async def test_a_provider_that_is_not_there() -> None:
    with OpenAIServer() as server:
        model = opened(server)
    with pytest.raises(UpstreamError):
        await anext(aiter(model.stream(REQUEST)))


async def test_a_connection_that_drops_in_the_middle() -> None:
    text, error = await failure(Script(deltas=("Hel", "lo."), drop_after=1))
    assert (text, type(error)) == ("Hel", UpstreamError)


async def test_a_reply_that_is_not_json() -> None:
    text, error = await failure(Script(deltas=("Hel", "lo."), malformed_after=1))
    assert (text, type(error)) == ("Hel", UpstreamError)


async def test_a_silent_provider_times_out() -> None:
    _, error = await failure(Script(latency_s=5), llm_timeout_s=0.2)
    assert isinstance(error, UpstreamTimeout)
    assert "0.2 seconds" in error.detail


async def test_closing_the_stream_hangs_up() -> None:
    with OpenAIServer(Script(deltas=["word "] * 2000, tokens_per_s=200)) as server:
        stream = cast("AsyncGenerator[ChatDelta]", opened(server).stream(REQUEST))
        await anext(stream)
        await stream.aclose()
        assert await anyio.to_thread.run_sync(server.disconnected.wait, 10)


async def test_nothing_is_sent_to_a_tracing_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions stay here, even where LangSmith is switched on for other programs."""
    from langchain_core.tracers.langchain import wait_for_all_tracers
    from langsmith import utils

    with OpenAIServer() as server, socket.create_server(("127.0.0.1", 0)) as tracing:
        tracing.setblocking(False)
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGSMITH_API_KEY", "key")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", f"http://127.0.0.1:{tracing.getsockname()[1]}")
        utils.get_env_var.cache_clear()
        try:
            assert [delta async for delta in opened(server).stream(REQUEST)]
            wait_for_all_tracers()
        finally:
            monkeypatch.undo()
            utils.get_env_var.cache_clear()
        with pytest.raises(BlockingIOError):
            tracing.accept()


def test_the_default_needs_no_model() -> None:
    assert isinstance(open_chat(Settings(), reader=Reader(HashedEmbedder())), ExtractiveChat)


@pytest.mark.parametrize("llm", ["gpt-4o", "openai:", ":small", "nobody:small", ""])
def test_a_name_that_cannot_be_used(llm: str) -> None:
    with pytest.raises(ConfigError, match="RAGKIT_LLM") as caught:
        open_chat(Settings(llm=llm), reader=Reader(HashedEmbedder()))
    assert "provider:model" in str(caught.value.hint)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_missing_key_is_found_before_any_call(provider: str) -> None:
    with pytest.raises(ConfigError, match="needs a key") as caught:
        open_chat(Settings(llm=f"{provider}:small"), reader=Reader(HashedEmbedder()))
    assert caught.value.hint == f"Set RAGKIT_LLM_API_KEY (or {provider.upper()}_API_KEY)."


@pytest.mark.parametrize("provider", ["openai", "anthropic", "ollama"])
def test_a_missing_package_names_the_command(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"langchain_{provider}", None)
    with pytest.raises(MissingExtra) as caught:
        open_chat(Settings(llm=f"{provider}:small"), reader=Reader(HashedEmbedder()))
    assert caught.value.hint == f"pip install 'ragkit[{provider}]'"


def test_a_package_that_is_no_extra_of_ours_is_named() -> None:
    with pytest.raises(MissingExtra, match="langchain-cohere"):
        open_chat(Settings(llm="cohere:command"), reader=Reader(HashedEmbedder()))


@pytest.mark.parametrize("provider", ["anthropic", "ollama"])
def test_the_other_providers_open(provider: str) -> None:
    settings = Settings(llm=f"{provider}:small", llm_api_key="key", llm_base_url="http://127.0.0.1:9")
    assert open_chat(settings, reader=Reader(HashedEmbedder())).name == f"{provider}:small"


def test_a_key_that_ends_with_a_line_break_is_not_logged() -> None:
    error = UpstreamError("Connection error.")
    error.__cause__ = ValueError("Illegal header value b'Bearer sk-secret\\n'")
    assert shown(error, ["sk-secret\n"]) is None
    assert shown(error, ["another\n"]) is error


def test_extractive_may_follow_the_other_names_with_a_space() -> None:
    settings = Settings(llm="openai:small, extractive", llm_api_key="key")
    assert open_chat(settings, reader=Reader(HashedEmbedder())).name == "openai:small"
