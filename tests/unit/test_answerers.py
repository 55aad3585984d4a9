from __future__ import annotations

import pytest
from pydantic import SecretStr

from ragkit.answerers import with_model
from ragkit.settings import Settings


@pytest.mark.parametrize(("llm", "same"), [("openai:b", True), ("anthropic:c", False), ("extractive", False)])
def test_key_and_address_stay_with_the_provider_that_they_are_for(llm: str, same: bool) -> None:
    settings = Settings(llm="openai:a", llm_api_key=SecretStr("sk"), llm_base_url="http://127.0.0.1:9")
    other = with_model(settings, llm)
    assert other.llm == llm
    assert (other.llm_api_key, other.llm_base_url) == (
        (settings.llm_api_key, settings.llm_base_url) if same else (None, None)
    )
