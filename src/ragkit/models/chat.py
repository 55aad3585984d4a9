"""Which language models `RAGKIT_LLM` means."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import SecretStr

from ragkit.errors import ConfigError
from ragkit.models.extractive import ExtractiveChat
from ragkit.models.fallback import FallbackChat
from ragkit.models.patience import Patience
from ragkit.models.prices import Prices
from ragkit.models.remembered import RememberingChat
from ragkit.protocols import ChatModel
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.threads import Threads

__all__ = ["each_of", "open_chat", "open_language_model"]


def open_chat(settings: Settings, *, reader: Reader, threads: Threads | None = None) -> ChatModel:
    """The models that `RAGKIT_LLM` names, with the extractive answer where none of them can be reached.

    Raises:
        ConfigError: A name, an address or a key cannot be used; nothing was called yet.
        MissingExtra: The package of a provider is not installed.
    """
    extractive = ExtractiveChat(reader, threads=threads)
    if settings.llm.strip() == ExtractiveChat.NAME:
        return extractive
    chat = _open(settings, last=extractive)
    if not settings.llm_cache:
        return chat
    parameters = f"{settings.llm} {settings.llm_base_url} {settings.llm_max_tokens}"
    return RememberingChat(chat, most=settings.llm_cache, parameters=parameters)


def open_language_model(settings: Settings) -> ChatModel:
    """The same, where it must be one that writes.

    Raises:
        ConfigError: As above.
        MissingExtra: As above.
    """
    return _open(settings, last=None)


def _open(settings: Settings, *, last: ChatModel | None) -> FallbackChat:
    prices = Prices(settings.llm_prices)
    models = [_model(each, prices) for each in each_of(settings)]
    patience = Patience(longest_s=8.0, total_s=settings.llm_deadline_s)
    return FallbackChat(models, last=last, patience=patience)


def _model(settings: Settings, prices: Prices) -> ChatModel:
    provider, colon, model = settings.llm.partition(":")
    if not (colon and provider and model):
        raise ConfigError(
            f"RAGKIT_LLM cannot be {settings.llm!r}.",
            hint="Write 'extractive', or provider:model such as openai:gpt-5-mini or ollama:llama3.2; several are "
            "separated by commas.",
        )
    if provider == "huggingface":
        from ragkit.models.huggingface import open_local_model

        return open_local_model(model, settings)
    from ragkit.models.langchain_chat import open_langchain_model

    return open_langchain_model(provider, model, settings, prices)


def each_of(settings: Settings) -> Iterator[Settings]:
    """The settings as each model of the list has them.

    Raises:
        ConfigError: There are several addresses or keys, but not one for each model.
    """
    names = [name.strip() for name in settings.llm.split(",")]
    if len(names) > 1 and names[-1] == ExtractiveChat.NAME:
        del names[-1]
    urls = _for_each(names, settings.llm_base_url, "RAGKIT_LLM_BASE_URL")
    keys = _for_each(names, _revealed(settings.llm_api_key), "RAGKIT_LLM_API_KEY")
    for name, url, key in zip(names, urls, keys, strict=True):
        own = {"llm": name, "llm_base_url": url, "llm_api_key": SecretStr(key) if key else None}
        yield settings.model_copy(update=own)


def _for_each(names: list[str], value: str | None, setting: str) -> list[str | None]:
    """A value for each model; a single one is for the provider of the first, as others have no business with it."""
    values = [part.strip() or None for part in (value or "").split(",")]
    if len(values) == 1:
        first = names[0].partition(":")[0]
        return [values[0] if name.partition(":")[0] == first else None for name in names]
    if len(values) != len(names):
        raise ConfigError(
            f"{setting} has {len(values)} values, and RAGKIT_LLM {len(names)} models.",
            hint="Give one value for each model, in their order; an empty one stands for none.",
        )
    return values


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
