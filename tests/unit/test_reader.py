from __future__ import annotations

from collections.abc import Sequence
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.protocols import Embedder, TokenVectors
from ragkit.reader import MAX_HITS, REMEMBERED, Reader
from ragkit.testing import HashedEmbedder, TextEmbedder
from ragkit.types import Hit

POLICY = "Refunds are paid in 30 days. Parking is free.\n\n| Plan | Price |\n| Solo | 5 EUR |\n| Team | 12 EUR |"


class CountingEmbedder(HashedEmbedder):
    """Notes which texts it took apart."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        self.taken += texts
        return super().embed_tokens(texts)


def hit(text: str = POLICY, *, title: str = "Policy", heading: str = "") -> Hit:
    return Hit(
        rank=1, score=1.0, via=("dense",), document_id="d", uri="u", title=title, page=None, heading=heading,
        chunk_id="c", start=0, end=len(text), text=text,
    )  # fmt: skip


@pytest.mark.parametrize("embedder", [HashedEmbedder(), TextEmbedder(HashedEmbedder())], ids=["tokens", "texts"])
def test_a_line_is_nearer_to_its_question_than_its_neighbours_are(embedder: Embedder) -> None:
    reading = Reader(embedder).read("When are refunds paid?", [hit()])
    near = [float(reading.tokens[0][:, line.rows].max()) for line in reading.passages[0].lines]
    assert [line.unit.said for line in reading.passages[0].lines][np.argmax(near)] == "Refunds are paid in 30 days."


def test_each_line_has_its_own_tokens_and_those_above_it() -> None:
    embedder = HashedEmbedder()
    (passage,) = Reader(embedder).read("price?", [hit(heading="Plans")]).passages
    (tokens,) = embedder.embed_tokens([f"Policy > Plans\n{POLICY}"])
    written = [f"Policy > Plans\n{POLICY}"[start:end] for start, end in tokens.spans]
    row = next(line for line in passage.lines if "Team" in line.said)
    assert written[: passage.before] == ["Policy", ">", "Plans"]
    assert written[row.rows] == ["|", "Team", "|", "12", "EUR", "|"]
    assert written[row.opening] == ["|", "Plan", "|", "Price", "|"]


def test_a_passage_is_taken_apart_once() -> None:
    embedder = CountingEmbedder()
    reader = Reader(embedder)
    reader.read("When are refunds paid?", [hit(), hit()])
    first = list(embedder.taken)
    reader.read("When are refunds paid?", [hit()])
    assert embedder.taken == first
    assert len([text for text in first if "Parking" in text]) == 1


def test_what_was_read_long_ago_is_forgotten() -> None:
    embedder = CountingEmbedder()
    reader = Reader(embedder)
    for number in range(REMEMBERED + 1):
        reader.read("refunds?", [hit(f"Text {number}.")])
    reader.read("refunds?", [hit("Text 0.")])
    assert embedder.taken.count("Policy\nText 0.") == 2


def test_only_the_first_hits_are_read() -> None:
    reading = Reader(HashedEmbedder()).read("refunds?", [hit(f"Text {number}.") for number in range(MAX_HITS + 4)])
    assert len(reading.hits) == len(reading.passages) == len(reading.tokens) == MAX_HITS


def test_two_threads_read_the_same() -> None:
    reader, found = Reader(HashedEmbedder()), []
    threads = [Thread(target=lambda: found.append(reader.read("refunds?", [hit()]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one.tokens[0], found[0].tokens[0]) for one in found)


@given(st.text(), st.text(), st.text(max_size=40))
def test_any_text_can_be_read(question: str, text: str, title: str) -> None:
    for embedder in (HashedEmbedder(), TextEmbedder(HashedEmbedder())):
        reading = Reader(embedder).read(question, [hit(text, title=title), hit("")])
        for passage, near in zip(reading.passages, reading.tokens, strict=True):
            assert near.shape[1] == len(passage.rows)
            assert all(0 <= line.rows.start <= line.rows.stop <= len(passage.rows) for line in passage.lines)
