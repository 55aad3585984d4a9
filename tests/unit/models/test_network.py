"""Embedding behind the network, against a server on a real socket."""

from __future__ import annotations

import datetime
import email.utils
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from ragkit.app import Ragkit
from ragkit.errors import ConfigError, InputError, MissingExtra, TooLarge, UpstreamError
from ragkit.models.embed import is_network
from ragkit.models.network import NetworkEmbedder
from ragkit.models.network_provider import open_network_embedder
from ragkit.models.patience import Patience
from ragkit.models.providers import secrets_of
from ragkit.protocols import EmbedderSpec
from ragkit.settings import Settings
from ragkit.testing.embed import HashedEmbedder
from ragkit.testing.embeddings_server import EmbeddingsServer, Fault

QUICK = Patience(first_s=0.01, longest_s=0.02, total_s=5.0, failures=4, rest_s=60.0)
TEXTS = [f"Paragraph {number} of the handbook." for number in range(600)]


Open = Callable[..., NetworkEmbedder]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens the embedder of a server that has answered the first question: which dimension it has."""
    with ExitStack() as stack:

        def opened(server: EmbeddingsServer, patience: Patience = QUICK, timeout_s: float = 5.0) -> NetworkEmbedder:
            faults, server.faults = server.faults, []
            settings = Settings(embedder="openai:small", embedder_base_url=server.url, embedder_timeout_s=timeout_s)
            embedder = stack.enter_context(closing(open_network_embedder(settings, patience=patience)))
            server.faults = faults
            server.requests.clear()
            server.answered.clear()
            return embedder

        yield opened


def test_the_dimension_is_asked_for_once_and_kept(home: Path) -> None:
    with EmbeddingsServer(dimension=48) as server:
        settings = Settings(embedder="openai:small", embedder_base_url=server.url)
        for _ in range(2):
            with closing(open_network_embedder(settings)) as embedder:
                assert embedder.spec.id == "openai:small@48"
        assert len(server.requests) == 1


def test_texts_go_in_batches_and_come_back_in_order(opened: Open) -> None:
    with EmbeddingsServer() as server:
        rows = opened(server).embed_documents(TEXTS)
    assert [len(texts) for texts in server.requests] == [256, 256, 88]
    assert np.allclose(rows, HashedEmbedder(64).embed_documents(TEXTS), atol=1e-6)


def test_long_texts_make_smaller_batches(opened: Open) -> None:
    long = ["word " * 4000 for _ in range(60)]
    with EmbeddingsServer() as server:
        opened(server).embed_documents(long)
    assert [len(texts) for texts in server.requests] == [24, 24, 12] or max(map(len, server.requests)) <= 25


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"retry-after": "0.01"}),
        Fault(status=429),
        Fault(status=503),
        Fault(status=500),
        Fault(drop=True),
    ],
    ids=["429 with retry-after", "429", "503", "500", "dropped"],
)
def test_a_batch_that_failed_is_sent_again_and_no_other(fault: Fault, opened: Open) -> None:
    with EmbeddingsServer(Fault(status=200), fault) as server:
        rows = opened(server).embed_documents(TEXTS)
    assert [len(texts) for texts in server.requests] == [256, 256, 256, 88]
    assert server.requests[1] == server.requests[2]
    assert [text for texts in server.answered for text in texts] == TEXTS
    assert np.allclose(rows, HashedEmbedder(64).embed_documents(TEXTS), atol=1e-6)


def test_a_silent_provider_is_asked_again(opened: Open) -> None:
    with EmbeddingsServer() as server:
        embedder = opened(server)
        slow = opened(server, timeout_s=0.2)
        server.faults.append(Fault(status=200, latency_s=1.0))
        assert np.allclose(slow.embed_documents(["text"]), embedder.embed_documents(["text"]))
    assert len(server.requests) == 3


def test_a_date_to_wait_for_is_honoured(opened: Open) -> None:
    soon = email.utils.format_datetime(datetime.datetime.now(datetime.UTC), usegmt=True)
    with EmbeddingsServer(Fault(status=429, headers={"retry-after": soon})) as server:
        opened(server).embed_documents(["text"])
    assert len(server.requests) == 2


def test_a_wait_beyond_all_patience_is_told_and_not_waited_for(opened: Open) -> None:
    with EmbeddingsServer(Fault(status=429, headers={"retry-after": "3600"})) as server:
        with pytest.raises(UpstreamError, match="slow down") as caught:
            opened(server).embed_documents(["text"])
        assert caught.value.retry_after == 3600
    assert len(server.requests) == 1


def test_a_batch_that_is_too_large_is_split_and_the_next_ones_are_smaller(opened: Open) -> None:
    with EmbeddingsServer(most_texts=100) as server:
        rows = opened(server).embed_documents(TEXTS)
    assert [len(texts) for texts in server.requests[:4]] == [256, 128, 64, 64]
    assert max(len(texts) for texts in server.requests[8:]) <= 64
    assert [text for texts in server.answered for text in texts] == TEXTS
    assert np.allclose(rows, HashedEmbedder(64).embed_documents(TEXTS), atol=1e-6)


def test_a_text_that_is_too_long_alone_is_an_error_of_the_text(opened: Open) -> None:
    too_long = Fault(status=400, message="This model's maximum context length is 512 tokens")
    with EmbeddingsServer(too_long) as server:
        embedder = opened(server)
        with pytest.raises(TooLarge, match="length"):
            embedder.embed_documents(["text"])
        with pytest.raises(InputError, match="8191"):
            embedder.embed_documents(["word " * 9000])
    assert len(server.requests) == 1


def test_failures_in_a_row_open_the_breaker_and_the_provider_is_left_alone(opened: Open) -> None:
    with EmbeddingsServer(*[Fault(status=500)] * 20) as server:
        embedder = opened(server)
        with pytest.raises(UpstreamError, match="failed 4 times in a row"):
            embedder.embed_documents(TEXTS)
        assert len(server.requests) == 4
        with pytest.raises(UpstreamError, match="left alone"):
            embedder.embed_query("text")
        assert len(server.requests) == 4


def test_an_open_breaker_lets_a_trial_through_and_closes_on_success(opened: Open) -> None:
    with EmbeddingsServer(*[Fault(status=500)] * 4) as server:
        embedder = opened(server, Patience(first_s=0.01, longest_s=0.02, failures=4, rest_s=0.0))
        with pytest.raises(UpstreamError):
            embedder.embed_documents(["text"])
        assert embedder.embed_documents(["text"]).shape == (1, 64)


@pytest.mark.parametrize(("status", "match"), [(401, "key"), (404, "not known")])
def test_a_wrong_key_or_model_is_not_tried_again(status: int, match: str, opened: Open) -> None:
    with EmbeddingsServer(Fault(status=status)) as server:
        with pytest.raises(ConfigError, match=match) as caught:
            opened(server).embed_documents(["text"])
        assert "RAGKIT_EMBEDDER" in str(caught.value.hint)
    assert len(server.requests) == 1


def test_vectors_of_another_length_are_refused(opened: Open) -> None:
    with EmbeddingsServer(dimension=32) as server:
        opened(server)
        server.dimension = 16
        with pytest.raises(UpstreamError, match="32 for each"):
            opened(server).embed_query("text")


def test_a_run_that_broke_off_goes_on_where_it_stopped(home: Path, tmp_path: Path) -> None:
    """A provider that fails mid-way: what it had answered is kept, and never sent again."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(4):
        lines = [f"Article {number}-{line} says something of its own about subject {line * 7}." for line in range(1500)]
        (folder / f"{number}.txt").write_text("\n\n".join(lines))
    with EmbeddingsServer(Fault(status=200), Fault(status=200), *[Fault(status=401)] * 3) as server:
        settings = Settings(embedder="openai:small", embedder_base_url=server.url, chunk_tokens=32)
        with Ragkit.open(settings) as kit, pytest.raises(ConfigError, match="key"):
            kit.ingest(folder)
        server.faults.clear()
        with Ragkit.open(settings) as kit:
            report = kit.ingest(folder)
            assert kit.search("subject", mode="dense").hits
    assert (report.added, report.failed) == (4, ())
    sent = [text for texts in server.answered for text in texts]
    assert len(sent) == len(set(sent))
    assert report.embedded < report.chunks


@pytest.mark.parametrize("name", ["openai:text-embedding-3-small", "ollama:bge-m3", "google_vertexai:x"])
def test_names_of_models_behind_the_network(name: str) -> None:
    assert is_network(name)


@pytest.mark.parametrize("name", ["sentence-transformers/all-MiniLM-L6-v2", "./a:b", "/models/x", ":x", "x:"])
def test_names_of_models_on_this_machine(name: str) -> None:
    assert not is_network(name)


def test_names_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="nobody"):
        open_network_embedder(Settings(embedder="nobody:small"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="needs a key"):
        open_network_embedder(Settings(embedder="openai:small"))
    monkeypatch.setitem(sys.modules, "langchain_openai", None)
    with pytest.raises(MissingExtra) as caught:
        open_network_embedder(Settings(embedder="openai:small"))
    assert caught.value.hint == "pip install 'ragkit[openai]'"


def test_one_text_that_is_too_long_does_not_end_batching() -> None:
    class Refusing:
        """Refuses what holds a text that is too long."""

        def __init__(self) -> None:
            self.sizes: list[int] = []

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            self.sizes.append(len(texts))
            if "long" in texts:
                error = ValueError("input too long")
                error.status_code = 413  # type: ignore[attr-defined]
                raise error
            return [[1.0, 0.0]] * len(texts)

    model = Refusing()
    spec = EmbedderSpec(id="openai:small@2", dimension=2, max_tokens=512, pooling="provider")
    embedder = NetworkEmbedder(cast("Any", model), spec=spec)
    with pytest.raises(TooLarge):
        embedder.embed_documents([*["short"] * 100, "long", *["short"] * 100])
    model.sizes.clear()
    embedder.embed_documents(["short"] * 100)
    assert model.sizes == [100]


def test_the_key_of_openai_is_not_sent_to_a_server_of_ones_own(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    with EmbeddingsServer() as server:
        embedder = opened(server)
        embedder.embed_query("Refunds")
        assert secrets_of(embedder._model) == ["none"]
