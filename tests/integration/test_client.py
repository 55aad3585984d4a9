"""The SDK against the application, in process and over a socket."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from ragkit.client import AsyncClient, Client
from ragkit.errors import Conflict, InputError, NotFound, Unauthenticated, UpstreamError
from ragkit.events import Accepted, Done, Retrieved, Token
from ragkit.service.app import create_service
from ragkit.settings import Settings
from ragkit.testing.engine import MemoryRagkit
from ragkit.testing.server import FakeServer
from ragkit.types import Example, Filters

RESOURCES = ("documents", "collections", "prompts", "jobs", "snapshots", "conversations", "answers", "feedback", "keys")


@pytest.fixture
def kit() -> MemoryRagkit:
    return MemoryRagkit()


@pytest.fixture
def client(kit: MemoryRagkit) -> Iterator[Client]:
    app = create_service(kit, Settings())
    with TestClient(app, base_url="http://127.0.0.1") as http, Client(http_client=http) as client:
        client.documents.upload("cards.md", b"Gift cards are not refundable.", collection="shop")
        yield client


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """On a real socket, guarded by a key."""
    with FakeServer(Settings(api_keys=("the-key",))) as server:
        yield server


def test_ask_search_and_filters(client):
    answer = client.ask("Are gift cards refundable?", collection="shop")
    assert answer.citations[0].quote == "Gift cards are not refundable."
    assert client.search("gift", collection="shop").hits[0].uri == "upload://cards.md"
    assert client.search("gift", collection="shop", mmr=0.5).hits[0].uri == "upload://cards.md"
    narrowed = Filters(document_ids=("doc_other",))
    assert client.ask("gift", collection="shop", filters=narrowed).abstained


def test_a_search_is_explained(client):
    told = client.explain("Are gift cards refundable?", collection="shop", k=1, access=["staff"], mmr=0.5)
    assert [(one.rank, one.uri, one.fate) for one in told.candidates] == [(1, "upload://cards.md", "shown")]
    assert (told.k, told.terms["gift"], told.scope) == (1, 1, "some documents")
    assert client.explain("gift", collection="shop").scope == "everything"


def test_a_stream_is_the_events_of_the_engine(client):
    events = list(client.stream("Are gift cards refundable?", collection="shop", conversation_id="con_1"))
    assert isinstance(events[0], Accepted)
    assert events[0].conversation_id == "con_1"
    assert isinstance(events[1], Retrieved)
    assert events[1].hits[0].text == "Gift cards are not refundable."
    assert isinstance(events[-1], Done)
    assert "".join(event.text for event in events if isinstance(event, Token)) == events[-1].answer.answer


def test_documents_and_jobs(client):
    (document,) = client.documents.list(collection="shop")
    view = client.documents.get(document.id, chunks=True)
    assert view.document == document
    assert view.text[view.chunks[0].start : view.chunks[0].end] == view.chunks[0].text
    job = client.documents.upload("other.md", b"Other.", collection="shop")
    assert client.jobs.get(job.id).state == "done"
    assert client.jobs.list()[0].id == job.id
    assert client.documents.delete(document.id).uri == document.uri
    with pytest.raises(NotFound, match=document.id):
        client.documents.get(document.id)
    assert client.collections.list()[0].documents == 1
    assert client.collections.delete("shop") == 1


def test_a_document_that_is_not_in_quarantine_cannot_be_released(client):
    (document,) = client.documents.list(collection="shop")
    with pytest.raises(Conflict, match="not quarantined"):
        client.documents.release(document.id)


def test_snapshots_are_compared_and_gone_back_to(client):
    client.documents.upload("cards.md", b"Gift cards are refundable.", collection="shop")
    client.documents.upload("lift.md", b"The lift carries 800 kg.", collection="shop")
    assert [snapshot.number for snapshot in client.snapshots.list("shop")] == [3, 2, 1]
    (entry,) = client.snapshots.show(1, collection="shop")
    assert (entry.uri, entry.kept, entry.erased_at) == ("upload://cards.md", True, None)
    changed = client.snapshots.diff(1, 3, collection="shop")
    assert (changed.added, changed.changed) == (("upload://lift.md",), ("upload://cards.md",))
    done = client.snapshots.rollback(1, collection="shop")
    assert (done.snapshot.number, done.restored, done.withdrawn, done.deleted) == (4, 1, 1, ())
    assert client.search("gift", collection="shop").hits[0].text == "Gift cards are not refundable."
    client.documents.delete(entry.document_id)
    assert client.snapshots.rollback(1, collection="shop").deleted == ("upload://cards.md",)
    with pytest.raises(NotFound, match="99"):
        client.snapshots.show(99, collection="shop")


def test_prompts(client):
    made = client.prompts.create("answer", "{question}", note="short")
    assert client.prompts.promote("answer", made.version).aliases == ("production",)
    assert client.prompts.show("answer").version == made.version
    assert client.prompts.show("answer", version=1).version == 1
    assert "+{question}" in client.prompts.diff("answer", 1, 2)
    assert client.prompts.rollback("answer").version == 1
    examples = (Example(values={"question": "When?"}, answer="Soon [1]."),)
    taught = client.prompts.create("answer", "{question}!", system="Be brief.", examples=examples)
    assert (taught.system, taught.examples) == ("Be brief.", examples)
    assert len(client.prompts.list()) == 3


def test_ingest_uploads_a_folder_and_reports_what_was_refused(client, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("Alpha.")
    (tmp_path / "docs" / "b.md").write_text("Beta.")
    (tmp_path / "docs" / "empty.md").touch()
    report = client.ingest(tmp_path / "docs", collection="new")
    assert (report.found, report.added) == (3, 2)
    assert [failure.uri for failure in report.failed] == ["upload://empty.md"]
    assert client.search("beta", collection="new").hits[0].uri == "upload://b.md"
    with pytest.raises(InputError, match="nowhere"):
        client.ingest(tmp_path / "nowhere")


def test_the_async_client_over_a_socket_and_leaving_a_stream(server, tmp_path):
    (tmp_path / "a.md").write_text("word " * 5000)

    async def scenario() -> None:
        async with AsyncClient(server.url, api_key="the-key") as client:
            report = await client.ingest(tmp_path / "a.md", collection="c")
            assert report.added == 1
            assert (await client.ask("word", collection="c")).citations
            events = client.stream("word", collection="c")
            assert isinstance(await anext(events), Accepted)
            await events.aclose()
            while server.kit.open_streams:  # noqa: ASYNC110  # the engine lives on another loop
                await asyncio.sleep(0.01)
            assert [event async for event in client.stream("word", collection="c")][-1].event == "done"

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_both_clients_over_a_socket_need_the_key(server):
    with Client(server.url) as client, pytest.raises(Unauthenticated, match="API key") as caught:
        client.jobs.list()
    assert caught.value.trace_id
    with Client(server.url, api_key="the-key") as client:
        assert client.jobs.list() == ()


def test_a_blocking_stream_over_a_socket_arrives_in_pieces_and_can_be_left(server):
    with Client(server.url, api_key="the-key") as client:
        client.documents.upload("a.md", b"word " * 5000)
        for event in client.stream("word"):
            if isinstance(event, Token):
                break
        assert next(client.stream("word")).event == "accepted"


def test_a_service_that_is_not_there_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}", max_retries=0) as client,
        pytest.raises(UpstreamError, match=str(port)) as caught,
    ):
        client.jobs.list()
    assert "ragkit serve" in (caught.value.hint or "")


@pytest.mark.parametrize("resource", ["", *RESOURCES])
def test_both_clients_have_the_same_methods_with_the_same_arguments(resource):
    def methods(kind: type) -> dict[str, list[inspect.Parameter]]:
        client = kind("http://kb.test")
        target = getattr(client, resource) if resource else client
        return {
            name: list(inspect.signature(method).parameters.values())
            for name, method in inspect.getmembers(target, inspect.ismethod)
            if not name.startswith("_")
        }

    assert methods(Client) == methods(AsyncClient)
