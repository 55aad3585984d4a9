"""Language models through LangChain, which knows the providers; none of its types leave this file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio

from ragkit.errors import ConfigError, MissingExtra, UpstreamTimeout
from ragkit.models.prices import Prices, Tokens
from ragkit.models.providers import explained, require, secrets_of, shown
from ragkit.protocols import ChatDelta, ChatRequest
from ragkit.settings import Settings
from ragkit.tokens import count_tokens
from ragkit.types import Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk

__all__ = ["LangChainChat", "open_langchain_model"]

CERTAIN = 0.9
"""The share of what a model reads that is filled at most: its tokens are counted by another one's tokenizer."""
_KEYS: Mapping[str, tuple[str, str]] = {
    "openai": ("openai_api_key", "OPENAI_API_KEY"),
    "anthropic": ("anthropic_api_key", "ANTHROPIC_API_KEY"),
}
"""Where LangChain's class keeps its key, and the provider's own variable."""


def open_langchain_model(provider: str, model: str, settings: Settings, prices: Prices) -> LangChainChat:
    """A model of a provider that LangChain knows; nothing is called yet.

    Raises:
        ConfigError: The name, the address or the key cannot be used.
        MissingExtra: The provider's package is not installed.
    """
    chat = _open_langchain(provider, model, settings)
    return LangChainChat(
        chat,
        name=settings.llm,
        timeout_s=settings.llm_timeout_s,
        max_tokens=settings.llm_max_tokens,
        prices=prices,
        secrets=secrets_of(chat),
        window=settings.llm_window,
    )


class LangChainChat:
    """A ChatModel over one of LangChain's.

    Args:
        model: LangChain's; it must not try again by itself.
        name: As in `RAGKIT_LLM`.
        timeout_s: The longest wait for the next token.
        max_tokens: Of a reply, where a request says nothing else.
        prices: What its tokens cost.
        secrets: What a provider's error may repeat, and must not be shown.
        window: Tokens that it reads and writes in one call, where that is not known by its name.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        name: str,
        timeout_s: float,
        max_tokens: int,
        prices: Prices,
        secrets: Sequence[str] = (),
        window: int | None = None,
    ) -> None:
        self._model = model
        self._name = name
        self._timeout_s = timeout_s
        self._max_tokens = max_tokens
        self._prices = prices
        self._secrets = secrets
        self._window = window

    @property
    def name(self) -> str:
        return self._name

    def reads(self) -> int | None:
        """By the setting, else by the table of models in the provider's package."""
        known = getattr(self._model, "profile", None) or {}
        window = self._window or known.get("max_input_tokens")
        return int(CERTAIN * window) if window else None

    def count(self, text: str) -> int:
        return count_tokens(text)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply as it is written; closing the iterator closes the connection.

        Raises:
            UpstreamError: The provider failed, timed out (also between two tokens) or asked to slow down.
            ConfigError: It does not accept the key, or does not know the model.
        """
        messages = [(message.role, message.text) for message in request.messages]
        astream = self._limited(request.max_tokens or self._max_tokens)
        reported: list[Tokens] = []
        written: list[str] = []

        def so_far() -> Usage:
            return self._usage(_counted(request, written))

        stream = cast("AsyncGenerator[AIMessageChunk]", astream(messages))
        async with aclosing(stream) as chunks:
            while (chunk := await self._next(chunks)) is not None:
                if chunk.usage_metadata:
                    reported.append(_tokens(chunk.usage_metadata))
                if text := str(chunk.text):
                    written.append(text)
                    yield ChatDelta(text=text, so_far=so_far)
        yield ChatDelta(usage=self._usage(_total(reported)) if reported else so_far())

    def _limited(self, most: int) -> Callable[..., AsyncIterator[AIMessageChunk]]:
        if self._name.startswith("ollama:"):
            # As an argument of the call it would be handed on to Ollama's client, which does not know it.
            return self._model.model_copy(update={"num_predict": most}).astream
        return partial(self._model.astream, max_tokens=most)

    def _usage(self, used: Tokens) -> Usage:
        cost = self._prices.cost(self._name, used)
        return Usage(
            input_tokens=used.input,
            output_tokens=used.output,
            cost_usd=cost,
            prices=None if cost is None else self._prices.version,
        )

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
            ours = explained(self._name, error, setting="RAGKIT_LLM", secrets=self._secrets)
            raise ours from shown(error, self._secrets)


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
        if settings.llm_window:
            options["num_ctx"] = settings.llm_window  # it forgets the beginning of what is longer, and says nothing
    else:
        # No retries here: they would hide a Retry-After from the caller and hold the stream for up to a minute.
        options |= {"timeout": settings.llm_timeout_s, "max_retries": 0}
    if provider == "openai":
        options |= {"stream_usage": True, "stream_chunk_timeout": None}
    return options


def _secret(value: Any) -> str:
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal()) if reveal else ""


def _no_key(llm: str, provider: str) -> ConfigError:
    return ConfigError(
        f"RAGKIT_LLM={llm!r} needs a key, and there is none.",
        hint=f"Set RAGKIT_LLM_API_KEY (or {_KEYS[provider][1]}).",
    )


def _tokens(reported: Mapping[str, Any]) -> Tokens:
    details = reported.get("input_token_details") or {}
    return Tokens(
        input=reported["input_tokens"],
        cached=details.get("cache_read") or 0,
        written=details.get("cache_creation") or 0,
        output=reported["output_tokens"],
    )


def _total(parts: Sequence[Tokens]) -> Tokens:
    return Tokens(
        input=sum(part.input for part in parts),
        cached=sum(part.cached for part in parts),
        written=sum(part.written for part in parts),
        output=sum(part.output for part in parts),
    )


def _counted(request: ChatRequest, written: Sequence[str]) -> Tokens:
    """An estimate, where the provider reports nothing, or nothing yet."""
    return Tokens(
        input=sum(count_tokens(message.text) for message in request.messages), output=count_tokens("".join(written))
    )
