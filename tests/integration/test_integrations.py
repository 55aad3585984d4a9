"""LangChain and assistants, over the engine and over a service."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator

import pytest
from mcp.client import Client as Assistant
from mcp.client.stdio import StdioServerParameters, stdio_client

from ragkit.client import AsyncClient, Client
from ragkit.errors import NotFound
from ragkit.integrations.langchain import RagkitRetriever
from ragkit.integrations.mcp import create_mcp_server
from ragkit.testing.engine import MemoryRagkit
from ragkit.testing.server import FakeServer

pytestmark = pytest.mark.anyio

TEXT = "Gift cards are not refundable."


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        server.add("cards.md", TEXT, collection="shop")
        yield server


async def test_langchain_is_given_passages_with_their_places(server: FakeServer) -> None:
    with Client(server.url) as client:
        retriever = RagkitRetriever(kit=client, collection="shop", k=3)
        found = retriever.invoke("gift cards")
        assert await retriever.ainvoke("gift cards") == found
        assert (found[0].page_content, found[0].metadata["uri"]) == (TEXT, "upload://cards.md")
        assert (found[0].metadata["start"], found[0].metadata["end"]) == (0, len(TEXT))
        async with AsyncClient(server.url) as other:
            both = RagkitRetriever(kit=client, async_kit=other, collection="shop")
            assert await both.ainvoke("gift cards") == found
        with pytest.raises(NotFound, match="nowhere"):
            RagkitRetriever(kit=client, collection="nowhere").invoke("gift cards")


async def test_an_assistant_finds_asks_and_reads() -> None:
    kit = MemoryRagkit()
    await kit.documents.upload("cards.md", TEXT.encode(), collection="shop")
    async with Assistant(create_mcp_server(kit, collection="shop")) as assistant:
        tools = (await assistant.list_tools()).tools
        assert [tool.name for tool in tools] == ["search", "ask", "read_document", "list_collections"]
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        found = await assistant.call_tool("search", {"query": "gift"})
        hit = found.structured_content["result"][0]
        assert hit["text"] == TEXT
        answer = await assistant.call_tool("ask", {"question": "Are gift cards refundable?"})
        assert json.loads(answer.content[0].text)["citations"][0]["quote"] == TEXT
        read = await assistant.call_tool("read_document", {"document_id": hit["document_id"], "start": 5, "end": 10})
        assert read.structured_content == {"result": TEXT[5:10]}
        listed = await assistant.call_tool("list_collections", {})
        assert [one["name"] for one in listed.structured_content["result"]] == ["shop"]
    assert kit.parts["catalog"] == "The engine is closed."


@pytest.mark.parametrize(
    ("tool", "given", "told"),
    [
        ("search", {"query": "gift", "collection": "nowhere"}, "There is no collection 'nowhere'"),
        ("search", {"query": "gift", "k": 1000}, "less than or equal to 50"),
        ("read_document", {"document_id": "doc_unknown"}, "There is no document 'doc_unknown'"),
    ],
)
async def test_an_assistant_is_told_what_went_wrong(tool: str, given: dict[str, object], told: str) -> None:
    kit = MemoryRagkit()
    await kit.documents.upload("cards.md", TEXT.encode())
    async with Assistant(create_mcp_server(kit)) as assistant:
        result = await assistant.call_tool(tool, given)
    assert result.is_error
    assert told in result.content[0].text


async def test_the_command_serves_an_assistant_over_its_standard_streams(server: FakeServer) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "ragkit", "mcp", "--collection", "shop"],
        env={"RAGKIT_URL": server.url, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    async with asyncio.timeout(60), Assistant(stdio_client(command)) as assistant:
        found = await assistant.call_tool("search", {"query": "gift"})
    assert found.structured_content["result"][0]["text"] == TEXT
