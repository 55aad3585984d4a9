"""What every ChatModel keeps, the real ones and the fake."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import cast

import pytest

from ragkit.models.chat import open_chat
from ragkit.models.extractive import ExtractiveChat
from ragkit.protocols import ChatDelta, ChatModel, ChatRequest
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.testing import HashedEmbedder, ScriptedChat
from ragkit.testing.openai_server import OpenAIServer, Script
from ragkit.types import Hit, Message

pytestmark = pytest.mark.anyio

TEXT = "Refunds take 30 days. They are paid to the card that was used. Gift cards are not refunded."
SOURCE = Hit(
    rank=1, score=1.0, via=("dense",), document_id="d", uri="u", title="Returns", page=None, heading="", chunk_id="c",
    start=0, end=len(TEXT), text=TEXT,
)  # fmt: skip
REQUEST = ChatRequest(
    messages=(Message(role="user", text=f"{TEXT}\nHow long do refunds take?"),),
    question="How long do refunds take?",
    sources=(SOURCE,),
)


@pytest.fixture(params=["extractive", "langchain", "scripted"])
def model(request: pytest.FixtureRequest) -> Iterator[ChatModel]:
    if request.param == "extractive":
        yield ExtractiveChat(Reader(HashedEmbedder()))
    elif request.param == "scripted":
        yield ScriptedChat(["Refunds take ", "30 days [1]", "."])
    else:
        with OpenAIServer(Script(deltas=("Refunds take ", "30 days [1]", "."))) as server:
            settings = Settings(llm="openai:small", llm_base_url=server.url)
            yield open_chat(settings, reader=Reader(HashedEmbedder()))


async def test_it_answers_in_pieces(model: ChatModel) -> None:
    deltas = [delta async for delta in model.stream(REQUEST)]
    assert len([delta for delta in deltas if delta.text]) > 1
    assert "30 days" in "".join(delta.text for delta in deltas)


async def test_the_last_piece_carries_the_usage(model: ChatModel) -> None:
    deltas = [delta async for delta in model.stream(REQUEST)]
    assert deltas[-1].usage is not None
    assert all(delta.usage is None for delta in deltas[:-1])


async def test_it_can_be_asked_again_and_at_once(model: ChatModel) -> None:
    first, second = model.stream(REQUEST), model.stream(REQUEST)
    texts = ["", ""]
    async for delta in first:
        texts[0] += delta.text
    async for delta in second:
        texts[1] += delta.text
    assert texts[0] == texts[1]


async def test_it_can_be_closed_before_its_end(model: ChatModel) -> None:
    stream = cast("AsyncGenerator[ChatDelta]", model.stream(REQUEST))
    await anext(stream)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_it_has_a_name(model: ChatModel) -> None:
    assert model.name == "extractive" or ":" in model.name
