from __future__ import annotations

import pytest
from pydantic import SecretStr

from ragkit.models.named import with_model
from ragkit.settings import Settings


@pytest.mark.parametrize(("llm", "same"), [("openai:b", True), ("anthropic:c", False), ("extractive", False)])
def test_key_and_address_stay_with_the_provider_that_they_are_for(llm: str, same: bool) -> None:
    settings = Settings(llm="openai:a", llm_api_key=SecretStr("sk"), llm_base_url="http://127.0.0.1:9")
    other = with_model(settings, llm)
    assert other.llm == llm
    assert (other.llm_api_key, other.llm_base_url) == (
        (settings.llm_api_key, settings.llm_base_url) if same else (None, None)
    )


def test_each_of_several_models_has_the_key_of_its_own_provider() -> None:
    settings = Settings(
        llm="openai:a,anthropic:b", llm_api_key=SecretStr("k1,k2"), llm_base_url="http://127.0.0.1:9,", llm_window=4096
    )
    other = with_model(settings, "anthropic:c,ollama:d,openai:e,extractive")
    assert other.llm_api_key is not None
    assert (other.llm_api_key.get_secret_value(), other.llm_base_url) == ("k2,,k1", ",,http://127.0.0.1:9")
    assert other.llm_window is None, "that is of the model that is set"
    alone = with_model(settings, "anthropic:b")
    assert alone.llm_api_key is not None
    assert (alone.llm_api_key.get_secret_value(), alone.llm_base_url) == ("k2", None)
