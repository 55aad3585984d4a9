"""What becomes of a model's ranking, and of a reply that is none."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from ragkit.errors import UpstreamTimeout
from ragkit.protocols import ChatRequest
from ragkit.retrieve.listwise import ListwiseReranker, order_of
from ragkit.types import Hit


def hits(count: int) -> list[Hit]:
    return [
        Hit(
            rank=number,
            score=1 - number / 100,
            via=("keyword",),
            document_id="d",
            uri="u",
            title="",
            page=None,
            heading="",
            chunk_id=str(number),
            start=0,
            end=5_000,
            text=f"{number} " * 3_000,
        )
        for number in range(1, count + 1)
    ]


class Model:
    """Replies with what it was given, in turn, and remembers what it was asked."""

    def __init__(self, *replies: str | Exception) -> None:
        self.replies = list(replies)
        self.requests: list[ChatRequest] = []

    def __call__(self, request: ChatRequest) -> str:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def reranked(model: Model, found: Sequence[Hit]) -> list[Hit]:
    def written(shown: Sequence[Hit]) -> str:
        return "\n".join(f"[{place}] {hit.text}" for place, hit in enumerate(shown, start=1))

    return ListwiseReranker("llm", complete=model, written=written).rerank("Which one?", found)


@pytest.mark.parametrize(
    ("reply", "order"),
    [
        ("[3] > [1] > [2]", [2, 0, 1]),
        (" [2]>[3]>[1]\n", [1, 2, 0]),
        ("[2]", [1, 0, 2]),
        ("", None),
        ("[2] > [2] > [1]", None),
        ("[0] > [1]", None),
        ("[4] > [1]", None),
        ("[3] > [1] > [", None),
        ("Here it is: [3] > [1] > [2]", None),
        ("3 > 1 > 2", None),
        ("[3], [1], [2]", None),
    ],
)
def test_a_reply_is_a_ranking_or_nothing(reply: str, order: list[int] | None) -> None:
    assert order_of(reply, 3) == order


def test_passages_are_put_in_the_order_of_the_reply_and_scores_stay_with_the_places() -> None:
    found = reranked(Model("[3] > [1] > [2]"), hits(3))
    assert [(hit.chunk_id, hit.rank, hit.score) for hit in found] == [("3", 1, 0.99), ("1", 2, 0.98), ("2", 3, 0.97)]
    assert all(hit.via == ("keyword", "rerank") for hit in found)


def test_a_good_passage_climbs_from_window_to_window() -> None:
    model = Model("[20]", "[20]")  # the last of 30, then the last of the first 20, which it is by now in the middle of
    found = reranked(Model("[20]", "[11]"), hits(30))
    assert (found[0].chunk_id, len(found)) == ("30", 30)
    assert reranked(model, hits(30))[0].chunk_id == "19"
    (first, second) = (request.messages[1].text for request in model.requests)
    assert "[1] 11 " in first
    assert "[20] 30 " in first
    assert "[1] 1 " in second
    assert "[11] 30 " in second
    assert max(map(len, second.splitlines())) < 2_100


def test_a_reply_that_cannot_be_read_leaves_the_order_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = reranked(Model("I would say the second."), hits(3))
    assert [(hit.chunk_id, hit.via) for hit in found] == [(str(n), ("keyword",)) for n in (1, 2, 3)]
    assert "'I would say the second.' is no ranking of 3 passages" in caplog.text


def test_a_provider_that_fails_leaves_the_order_and_is_not_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    model = Model(UpstreamTimeout("It wrote nothing for 60 seconds."))
    with caplog.at_level(logging.WARNING):
        found = reranked(model, hits(30))
    assert [hit.chunk_id for hit in found] == [str(number) for number in range(1, 31)]
    assert len(model.requests) == 1
    assert "wrote nothing for 60 seconds" in caplog.text


def test_one_passage_needs_no_model() -> None:
    assert [hit.chunk_id for hit in reranked(Model(), hits(1))] == ["1"]
