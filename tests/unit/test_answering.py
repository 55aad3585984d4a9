from __future__ import annotations

import pytest

from ragkit.answering import _own_provider
from ragkit.errors import NotAllowed

CONFIGURED = "openai:a, huggingface:/models/small"


@pytest.mark.parametrize("model", ["openai:b", "extractive", "openai:b, huggingface:/models/small"])
def test_a_key_holder_may_replay_with_models_of_this_service(model: str) -> None:
    _own_provider(model, CONFIGURED)


@pytest.mark.parametrize("model", ["openai:a,ollama:y", "huggingface:/etc", "openai:a, huggingface:/etc", "a,b"])
def test_a_key_holder_names_no_other_provider_in_a_list_and_no_other_folder(model: str) -> None:
    with pytest.raises(NotAllowed, match="provider"):
        _own_provider(model, CONFIGURED)
