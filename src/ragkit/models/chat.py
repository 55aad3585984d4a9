"""Language models through LangChain, which knows the providers; none of its types leave this file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import anyio

from ragkit.errors import ConfigError, MissingExtra, UpstreamTimeout
from ragkit.models.extractive import ExtractiveChat
from ragkit.models.providers import explained, require
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.tokens import count_tokens
from ragkit.types import Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk

__all__ = ["LangChainChat", "open_chat", "open_language_model"]

_KEYS: Mapping[str, tuple[str, str]] = {
    "openai": ("openai_api_key", "OPENAI_API_KEY"),
    "anthropic": ("anthropic_api_key", "ANTHROPIC_API_KEY"),
}
"""Where LangChain's class keeps its key, and the provider's own variable."""


def open_chat(settings: Settings, *, reader: Reader, limiter: anyio.CapacityLimiter | None = None) -> ChatModel:
    """The model that `RAGKIT_LLM` names.

    Raises:
        ConfigError: The name, the address or the key cannot be used; nothing was called yet.
        MissingExtra: The provider's package is not installed.
    """
    if settings.llm == ExtractiveChat.NAME:
        return ExtractiveChat(reader, limiter=limiter)
    return open_language_model(settings)


def open_language_model(settings: Settings) -> LangChainChat:
    """The same, where it must be one that writes.

    Raises:
        ConfigError: As above.
        MissingExtra: As above.
    """
    provider, colon, model = settings.llm.partition(":")
    if not (colon and provider and model):
        raise ConfigError(
            f"RAGKIT_LLM cannot be {settings.llm!r}.",
            hint="Write 'extractive', or provider:model such as openai:gpt-4o-mini or ollama:llama3.2.",
        )
    return LangChainChat(
        _open_langchain(provider, model, settings),
        name=settings.llm,
        timeout_s=settings.llm_timeout_s,
        max_tokens=settings.llm_max_tokens,
    )


class LangChainChat:
    """A ChatModel over one of LangChain's."""

    def __init__(self, model: BaseChatModel, *, name: str, timeout_s: float, max_tokens: int) -> None:
        self._model = model
        self._name = name
        self._timeout_s = timeout_s
        self._max_tokens = max_tokens

    @property
    def name(self) -> str:
        return self._name

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply as it is written; closing the iterator closes the connection.

        Raises:
            UpstreamError: The provider failed, timed out (also between two tokens) or asked to slow down.
            ConfigError: It does not accept the key, or does not know the model.
        """
        messages = [(message.role, message.text) for message in request.messages]
        limit: dict[str, Any] = {_limit_name(self._name): request.max_tokens or self._max_tokens}
        reported: list[Usage] = []
        written: list[str] = []
        stream = cast("AsyncGenerator[AIMessageChunk]", self._model.astream(messages, **limit))
        async with aclosing(stream) as chunks:
            while (chunk := await self._next(chunks)) is not None:
                if chunk.usage_metadata:
                    reported.append(_usage(chunk.usage_metadata))
                if text := str(chunk.text):
                    written.append(text)
                    yield ChatDelta(text=text)
        yield ChatDelta(usage=_total(reported) if reported else _counted(request, written))

    async def _next(self, chunks: AsyncIterator[AIMessageChunk]) -> AIMessageChunk | None:
        from langsmith import tracing_context

        try:
            # Switched off at every step: LANGSMITH_TRACING in the environment must not send questions to a third party.
            with tracing_context(enabled=False), anyio.fail_after(self._timeout_s):
                return await anext(chunks, None)
        except TimeoutError as error:
            raise UpstreamTimeout(
                f"{self._name!r} wrote nothing for {self._timeout_s:g} seconds.",
                hint="RAGKIT_LLM_TIMEOUT_S sets how long to wait for its next token.",
            ) from error
        except Exception as error:  # the packages of the providers share no base class
            raise explained(self._name, error, setting="RAGKIT_LLM") from error


def _open_langchain(provider: str, model: str, settings: Settings) -> BaseChatModel:
    try:
        from langchain.chat_models import init_chat_model
    except ModuleNotFoundError as error:
        raise MissingExtra("RAGKIT_LLM needs LangChain.", hint="pip install 'ragkit[server]'") from error
    require(provider, setting="RAGKIT_LLM")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    if key is None and provider == "openai" and settings.llm_base_url:
        key = "none"  # servers of one's own rarely ask for a key, but the package insists on one
    try:
        chat: BaseChatModel = init_chat_model(model, model_provider=provider, **_options(provider, key, settings))
    except ImportError as error:
        raise MissingExtra(f"RAGKIT_LLM={settings.llm!r} needs another package: {error}") from error
    except Exception as error:
        if provider in _KEYS and key is None and "api_key" in str(error).casefold():
            raise _no_key(settings.llm, provider) from error
        raise ConfigError(
            f"RAGKIT_LLM cannot be {settings.llm!r}: {str(error).splitlines()[0]}",
            hint="Write 'extractive', or provider:model with a provider that LangChain knows.",
        ) from error
    if provider in _KEYS and not _secret(getattr(chat, _KEYS[provider][0], None)):
        raise _no_key(settings.llm, provider)
    return chat


def _options(provider: str, key: str | None, settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if settings.llm_base_url:
        options["base_url"] = settings.llm_base_url
    if key:
        options["api_key"] = key
    if provider == "ollama":
        options.pop("api_key", None)
        options["client_kwargs"] = {"timeout": settings.llm_timeout_s}
    else:
        # No retries here: they would hide a Retry-After from the caller and hold the stream for up to a minute.
        options |= {"timeout": settings.llm_timeout_s, "max_retries": 0}
    if provider == "openai":
        options |= {"stream_usage": True, "stream_chunk_timeout": None}
    return options


def _limit_name(name: str) -> str:
    return "num_predict" if name.startswith("ollama:") else "max_tokens"


def _secret(value: Any) -> str:
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal()) if reveal else ""


def _no_key(llm: str, provider: str) -> ConfigError:
    return ConfigError(
        f"RAGKIT_LLM={llm!r} needs a key, and there is none.",
        hint=f"Set RAGKIT_LLM_API_KEY (or {_KEYS[provider][1]}).",
    )


def _usage(reported: Mapping[str, Any]) -> Usage:
    return Usage(input_tokens=reported["input_tokens"], output_tokens=reported["output_tokens"], cost_usd=None)


def _total(parts: list[Usage]) -> Usage:
    return Usage(
        input_tokens=sum(part.input_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        cost_usd=None,
    )


def _counted(request: ChatRequest, written: list[str]) -> Usage:
    """An estimate, for a provider that reports nothing."""
    return Usage(
        input_tokens=sum(count_tokens(message.text) for message in request.messages),
        output_tokens=count_tokens("".join(written)),
        cost_usd=None,
    )
