"""Language models that a setting names beside `RAGKIT_LLM`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from ragkit.errors import ConfigError

if TYPE_CHECKING:
    from ragkit.protocols import ChatModel
    from ragkit.settings import Settings

__all__ = ["is_llm", "named_language_model", "with_model"]

_LLM = "llm"


def is_llm(name: str) -> bool:
    """Whether a name is `llm`, the model of `RAGKIT_LLM`, or `llm:provider:model`."""
    return name.partition(":")[0] == _LLM


def named_language_model(name: str, settings: Settings, *, variable: str) -> ChatModel:
    """The language model that `llm` or `llm:provider:model` stands for.

    Args:
        name: The value of the setting.
        settings: Where `RAGKIT_LLM` is.
        variable: The name of the setting.

    Raises:
        ConfigError: It is no language model.
        MissingExtra: The package of its provider is not installed.
    """
    from ragkit.models.chat import open_language_model

    llm = name.partition(":")[2] or settings.llm
    provider, _, model = llm.partition(":")
    if not (provider and model):
        raise ConfigError(
            f"{variable} is {name!r}, and {llm!r} is not a language model.",
            hint=f"Set RAGKIT_LLM to provider:model, or {variable} to llm:provider:model.",
        )
    return open_language_model(with_model(settings, llm))


def with_model(settings: Settings, llm: str) -> Settings:
    """With another model, or several; each has key and address of its provider as they are set, and of no other.

    Raises:
        ConfigError: There are several addresses or keys, but not one for each model that is set.
    """
    from ragkit.models.chat import each_of

    known = {one.llm.partition(":")[0]: one for one in reversed(list(each_of(settings)))}
    bare = settings.model_copy(update={"llm": llm, "llm_api_key": None, "llm_base_url": None})
    mine = [known.get(one.llm.partition(":")[0]) for one in each_of(bare)]
    keys = [one.llm_api_key.get_secret_value() if one and one.llm_api_key else "" for one in mine]
    urls = [(one.llm_base_url or "") if one else "" for one in mine]
    own: dict[str, object] = {"llm": llm, "llm_window": settings.llm_window if llm == settings.llm else None}
    own |= {"llm_api_key": SecretStr(",".join(keys)) if any(keys) else None}
    own |= {"llm_base_url": ",".join(urls) if any(urls) else None}
    return settings.model_copy(update=own)
