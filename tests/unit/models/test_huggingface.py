"""A model in this process: a tiny one of random weights, made here."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ragkit.errors import ConfigError, UpstreamRateLimited
from ragkit.models.chat import open_language_model
from ragkit.models.huggingface import open_local_model
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest
from ragkit.settings import Settings
from ragkit.types import Message

pytestmark = pytest.mark.anyio

WORDS = ["<unk>", "<end>", "user", "assistant", *(f"word{number}" for number in range(60))]
TEMPLATE = "{% for message in messages %}{{ message.role }} {{ message.content }} {% endfor %}assistant "
REQUEST = ChatRequest(messages=(Message(role="user", text="word1 word2"),), question="?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny")
    words = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", chat_template=TEMPLATE)
    tokenizer.save_pretrained(path)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=128, bos_token_id=None, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        # Random weights may write what is no word, and such tokens are not shown: the unknown one is made unlikely.
        model.lm_head.weight[: WORDS.index("user")] = 0
    model.save_pretrained(path)
    return path


def opened(folder: Path, **settings: object) -> ChatModel:
    return open_language_model(Settings(llm=f"huggingface:{folder}", llm_max_tokens=12, **settings))


async def test_it_writes_and_counts(folder: Path) -> None:
    deltas = [delta async for delta in opened(folder).stream(REQUEST)]
    assert len("".join(delta.text for delta in deltas).split()) == 12
    usage = deltas[-1].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.cost_usd) == (4, 12, 0)


async def test_closing_stops_it_and_frees_it_for_the_next(folder: Path) -> None:
    model = opened(folder)
    for _ in range(2):
        stream = cast("AsyncGenerator[ChatDelta]", model.stream(REQUEST))
        assert (await anext(stream)).text
        await stream.aclose()
    assert [delta async for delta in model.stream(REQUEST)][-1].usage is not None


async def test_who_waits_for_another_reply_does_not_take_it_for_silence(folder: Path) -> None:
    model = open_local_model(str(folder), Settings(llm=f"huggingface:{folder}", llm_timeout_s=0.01, llm_deadline_s=1))
    with model.writing, pytest.raises(UpstreamRateLimited, match="busy with other replies"):
        await anext(aiter(model.stream(REQUEST)))


async def test_a_prompt_that_it_cannot_read(folder: Path) -> None:
    request = ChatRequest(messages=(Message(role="user", text="word1 " * 200),), question="?")
    with pytest.raises(ConfigError, match="reads 128 tokens") as caught:
        await anext(aiter(opened(folder).stream(request)))
    assert "RAGKIT_CONTEXT_TOKENS" in str(caught.value.hint)


async def test_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        await anext(aiter(opened(tmp_path).stream(REQUEST)))


def test_nothing_is_downloaded() -> None:
    with pytest.raises(ConfigError, match="no such model"):
        open_language_model(Settings(llm="huggingface:somebody/some-model"))
