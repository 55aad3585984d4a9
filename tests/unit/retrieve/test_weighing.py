"""What the weight of a pipeline and the age of a document do to scores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ragkit.index.duplicates import Edition
from ragkit.index.rows import Place
from ragkit.index.weights import SourceWeight
from ragkit.retrieve.weighing import factors, weighed

NOW = datetime(2026, 7, 1, tzinfo=UTC)
INGESTED = datetime(2026, 6, 1, tzinfo=UTC)


def places(*uris: str) -> dict[str, Place]:
    return {uri: Place(chunk_id=uri, document_id=f"doc {uri}", uri=uri, passage_key=b"", siblings=1) for uri in uris}


def edition(date: str) -> Edition:
    return Edition(signature=b"", date=date, live_at=INGESTED)


@pytest.mark.parametrize(
    ("date", "factor"),
    [
        ("2026-07-01", 2.0),
        ("2026-06-01", 1.0),
        ("2026-05-02", 0.5),
        ("2026-06", 1.0),  # its first day
        ("2030-01-01", 2.0),  # not yet
        ("", 1.0),  # since it was ingested
        ("03/04/2026", 1.0),  # in March or in April
    ],
)
def test_a_document_counts_half_as_much_after_each_half_life(date: str, factor: float) -> None:
    source = SourceWeight(weight=2.0, half_life_days=30)
    assert source.factor(edition(date), at=NOW) == pytest.approx(factor)


def test_only_documents_of_weighed_pipelines_have_a_factor_and_only_those_that_age_are_looked_up() -> None:
    asked: list[str] = []

    def editions(ids: Sequence[str]) -> dict[str, Edition]:
        asked.extend(ids)
        return {key: edition("2026-06-01") for key in ids}

    weights = {"wiki/": SourceWeight(weight=1.5), "news/": SourceWeight(half_life_days=30)}
    there = places("wiki/a.md", "news/b.md", "news/new.zip!/c.md", "wikipedia/d.md", "upload://e.md")
    found = factors(there, weights, editions, at=NOW)
    assert found == {"wiki/a.md": 1.5, "news/b.md": pytest.approx(0.5), "news/new.zip!/c.md": pytest.approx(0.5)}
    assert asked == ["doc news/b.md", "doc news/new.zip!/c.md"]


def test_passages_are_ordered_by_their_weighed_scores() -> None:
    ranking = [("a", 0.6), ("b", 0.5), ("c", 0.5), ("d", -0.1)]
    found = weighed(ranking, {"a": 0.5, "c": 1.4, "d": 2.0})
    assert found == [("c", pytest.approx(0.7)), ("b", 0.5), ("a", 0.3), ("d", -0.1)]
