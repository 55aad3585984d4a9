"""What every embedder does: through OpenVINO, through torch, behind the network, and the one without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import InputError
from ragkit.models.embed import open_embedder
from ragkit.models.network import NetworkEmbedder
from ragkit.models.network_provider import open_network_embedder
from ragkit.protocols import Embedder, QueriesEmbedder, TokenEmbedder
from ragkit.settings import Settings
from ragkit.testing import HashedEmbedder, TextEmbedder
from ragkit.testing.embeddings_server import EmbeddingsServer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
TEXTS = [
    "Refunds are paid within 14 days.",
    "",
    "東京の天気は晴れです。",
    "word " * 200,
    "Refunds are paid within 14 days.",
    "Parking is free on Sundays; see § 12.",
]


@pytest.fixture(scope="module")
def opened(models: Path) -> dict[str, Embedder]:
    """Each is loaded once for the module, when it is first asked for."""
    return {}


@pytest.fixture(scope="module")
def network() -> Iterator[NetworkEmbedder]:
    with EmbeddingsServer(dimension=384) as server:
        settings = Settings(embedder="openai:small", embedder_base_url=server.url)
        with closing(open_network_embedder(settings)) as embedder:
            yield embedder


@pytest.fixture(params=["openvino", "torch", "hashed", "text", "network"])
def embedder(request: pytest.FixtureRequest, home: Path, opened: dict[str, Embedder]) -> Embedder:
    makers: dict[str, Callable[[], Embedder]] = {
        "openvino": partial(open_embedder, MINILM, home=home, backend="openvino"),
        "torch": partial(open_embedder, MINILM, home=home, backend="torch"),
        "hashed": HashedEmbedder,
        "network": lambda: request.getfixturevalue("network"),
        "text": lambda: TextEmbedder(HashedEmbedder()),
    }
    if request.param not in opened:
        opened[request.param] = makers[request.param]()
    return opened[request.param]


def test_rows_are_unit_vectors_in_the_order_of_the_texts(embedder: Embedder) -> None:
    rows = embedder.embed_documents(TEXTS)

    assert rows.shape == (len(TEXTS), embedder.spec.dimension)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    for text, row in zip(TEXTS, rows, strict=True):
        assert embedder.embed_documents([text])[0] @ row > 0.999


def test_no_text_gives_no_row(embedder: Embedder) -> None:
    assert embedder.embed_documents([]).shape == (0, embedder.spec.dimension)


def test_many_texts_keep_their_order(embedder: Embedder) -> None:
    texts = [f"Paragraph {number} " + "and more " * (number % 7) for number in range(50)]

    rows = embedder.embed_documents(texts)

    for number in (0, 6, 17, 49):
        assert int(np.argmax(rows @ embedder.embed_documents([texts[number]])[0])) == number


def test_a_question_lies_near_the_text_that_shares_its_words(embedder: Embedder) -> None:
    rows = embedder.embed_documents([TEXTS[0], TEXTS[5]])
    query = embedder.embed_query("When are refunds paid?")

    assert query.shape == (embedder.spec.dimension,)
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)
    assert rows[0] @ query > rows[1] @ query


def test_questions_together_have_the_vectors_that_each_has_alone(embedder: Embedder) -> None:
    if not isinstance(embedder, QueriesEmbedder):
        return
    questions = ["Refunds?", "When are refunds paid, and to whom?", "word " * 400]

    rows = embedder.embed_queries(questions)

    # In half precision the fourth place depends on what else is computed.
    assert np.allclose(rows, [embedder.embed_query(question) for question in questions], atol=0.01)


def test_a_text_that_would_lose_its_tail_is_refused(embedder: Embedder) -> None:
    fits = "word " * embedder.spec.max_tokens
    assert len(embedder.tokenizer.spans(fits)) == embedder.spec.max_tokens
    embedder.embed_documents([fits])

    with pytest.raises(InputError, match=f"{embedder.spec.max_tokens + 1} tokens"):
        embedder.embed_documents([fits + "word"])


def test_a_long_question_is_read_from_its_beginning(embedder: Embedder) -> None:
    query = embedder.embed_query("When are refunds paid? " * 400)

    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "text", ["", "Plain words.", "Größe: 3,5 m² 👩‍👧", "東京の天気", "pg_stat_activity\n\tv1.2.3", "\ud800x"]
)
def test_token_spans_lie_in_the_text_in_order(embedder: Embedder, text: str) -> None:
    spans = embedder.tokenizer.spans(text)

    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert list(spans) == sorted(spans)
    held = {place for start, end in spans for place in range(start, end)}
    assert all(place in held for place, character in enumerate(text) if character.isalnum())


def test_lone_surrogates_are_embedded_too(embedder: Embedder) -> None:
    assert embedder.embed_documents(["\ud800 text"]).shape == (1, embedder.spec.dimension)
    assert embedder.embed_query("\ud800 text").shape == (embedder.spec.dimension,)


def test_backends_agree_and_share_one_identity(home: Path, opened: dict[str, Embedder]) -> None:
    fast = opened.get("openvino") or open_embedder(MINILM, home=home, backend="openvino")
    slow = opened.get("torch") or open_embedder(MINILM, home=home, backend="torch")

    assert fast.spec == slow.spec
    cosines = (fast.embed_documents(TEXTS) * slow.embed_documents(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.999


@pytest.mark.parametrize("embedder", ["openvino", "torch", "hashed"], indirect=True)
def test_each_token_has_a_unit_vector_and_its_characters(embedder: Embedder) -> None:
    assert isinstance(embedder, TokenEmbedder)
    texts = [TEXTS[5], "", TEXTS[2]]
    found = embedder.embed_tokens(texts)

    assert len(found) == len(texts)
    for text, tokens in zip(texts, found, strict=True):
        assert tokens.rows.shape == (len(tokens.spans), embedder.spec.dimension)
        assert tokens.rows.dtype == np.float32
        assert np.allclose(np.linalg.norm(tokens.rows, axis=1), 1, atol=1e-3)
        assert list(tokens.spans) == list(embedder.tokenizer.spans(text))


@pytest.mark.parametrize("embedder", ["openvino", "torch", "hashed"], indirect=True)
def test_the_tokens_of_a_long_text_are_those_of_its_beginning(embedder: Embedder) -> None:
    assert isinstance(embedder, TokenEmbedder)
    (tokens,) = embedder.embed_tokens(["word " * 1000])

    assert len(tokens.spans) == embedder.spec.max_tokens


@pytest.mark.parametrize("embedder", ["openvino", "torch", "hashed"], indirect=True)
def test_a_word_lies_near_itself_in_another_text(embedder: Embedder) -> None:
    assert isinstance(embedder, TokenEmbedder)
    question, passage = embedder.embed_tokens(["When are refunds paid?", "refunds are paid within 14 days."])
    nearest = passage.spans[int(np.argmax(passage.rows @ question.rows[2]))]

    assert "refunds".startswith("refunds are paid within 14 days."[nearest[0] : nearest[1]])
