"""From passages to judged documents, and from two runs to what changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ragkit.errors import InputError, NotFound
from ragkit.evaluate.compare import compare, gains, means
from ragkit.evaluate.dataset import Dataset
from ragkit.evaluate.retrieval import folded, measure
from ragkit.evaluate.runs import Evaluation, Evaluations, Made, PerQuestion
from ragkit.store.engine import Database
from ragkit.types import Failure, Hit, Mode, SearchResult

DATASET = Dataset(name="set", split="test", queries={"q1": "one", "q2": "two"}, qrels={"q1": {"a": 1}, "q2": {"b": 1}})


def hit(uri: str, *also_in: str) -> Hit:
    return Hit(
        rank=1, score=1.0, via=("dense",), document_id=uri, uri=uri, title="", page=None, heading="", chunk_id=uri,
        start=0, end=1, text="x", also_in=also_in,
    )  # fmt: skip


class Shelf:
    """A search that gives the same passages to every question, as many as are asked for."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = tuple(hits)
        self.asked: list[int] = []

    def search(self, query: str, k: int, mode: Mode) -> SearchResult:
        self.asked.append(k)
        if query == "two":
            raise InputError("Two is too many.")
        return SearchResult(query=query, hits=self.hits[:k], took_ms=1.0)


def test_a_document_ranks_where_its_best_passage_does() -> None:
    assert folded([hit("b"), hit("a"), hit("b"), hit("c")], str) == ["b", "a", "c"]


def test_a_passage_that_several_documents_hold_brings_them_all() -> None:
    assert folded([hit("a", "x", "y"), hit("x")], str.upper) == ["A", "X", "Y"]


def test_more_passages_are_asked_for_where_few_documents_fill_them() -> None:
    shelf = Shelf([hit("long")] * 400 + [hit(str(number)) for number in range(300)])
    one = replace(DATASET, queries={"q1": "one"}, qrels={"q1": {"99": 1}})
    found = measure(one, shelf.search, ["hybrid"], document_of=str)
    assert shelf.asked[:2] == [200, 1000]
    assert found.per_question.values["hybrid"]["recall@100"] == (0.0,), "the long one is the first of a hundred"


def test_a_question_that_search_refuses_counts_as_not_found_and_is_named() -> None:
    found = measure(DATASET, Shelf([hit("a")]).search, ["dense"], document_of=str)
    assert found.per_question.values["dense"]["nDCG@10"] == (1.0, 0.0)
    assert found.notes == ("dense: 1 questions were refused and count as not found; 'q2': Two is too many.",)


def test_a_mode_that_combines_is_held_against_the_better_of_its_parts() -> None:
    values = {"dense": {"m": (0.0, 1.0, 0.0)}, "keyword": {"m": (1.0, 1.0, 0.0)}, "hybrid": {"m": (1.0, 1.0, 1.0)}}
    assert gains(values)["hybrid"]["m"].mean == pytest.approx(1 / 3, abs=1e-4)
    assert gains({"hybrid": {"m": (1.0,)}}) == {}


def test_a_mean_is_over_the_questions_that_a_measure_is_about() -> None:
    measures, intervals = means({"ask": {"m": (1.0, None, 0.0, None)}})
    assert measures == {"ask": {"m": 0.5}}
    assert intervals["ask"]["m"] == (0.0, 1.0)


@pytest.fixture
def stored(tmp_path: Path) -> Evaluations:
    return Evaluations(Database.open(f"sqlite:///{tmp_path / 'ragkit.db'}"))


def keep(stored: Evaluations, name: str, values: tuple[float, ...], *, day: int, sha256: str = "s") -> Evaluation:
    ids = tuple(f"q{number}" for number in range(len(values)))
    per_question = PerQuestion(ids=ids, texts=ids, values={"hybrid": {"nDCG@10": values}})
    measures, intervals = means(per_question.values)
    evaluation = Evaluation(
        id=name, kind="retrieval", dataset="set", dataset_sha256=sha256, collection="c", generation=1,
        settings={"split": "test"}, made=Made(version="0", commit=None),
        started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day), took_s=1.0, measures=measures,
        intervals=intervals, times={"hybrid": {"took_s": 1.0}},
        missing=(Failure(uri="u", code="parse_failed", detail="d"),),
    )  # fmt: skip
    stored.add(evaluation, per_question)
    return evaluation


def test_what_is_stored_comes_back_as_it_was(stored: Evaluations) -> None:
    first = keep(stored, "first", (1.0, 0.5), day=0)
    second = keep(stored, "second", (1.0, 0.0), day=1)
    assert stored.list() == (second, first)
    assert stored.list(kind="golden") == ()
    assert stored.get("first") == first
    assert stored.per_question("first").values == {"hybrid": {"nDCG@10": (1.0, 0.5)}}
    with pytest.raises(NotFound, match="'third'"):
        stored.get("third")


def test_the_last_one_of_the_same_questions_is_what_a_run_is_held_against(stored: Evaluations) -> None:
    first = keep(stored, "first", (1.0,), day=0)
    keep(stored, "other", (1.0,), day=1, sha256="t")
    third = keep(stored, "third", (1.0,), day=2)
    assert stored.before(third) == first
    with pytest.raises(NotFound, match="no earlier evaluation"):
        stored.before(first)


def test_a_comparison_names_the_questions_that_changed(stored: Evaluations) -> None:
    before = keep(stored, "before", (1.0, 0.5, 0.0, 0.2), day=0)
    after = keep(stored, "after", (1.0, 0.0, 1.0, 0.3), day=1)
    found = compare(after, stored.per_question("after"), before, stored.per_question("before"))
    assert found.differences["hybrid"]["nDCG@10"].mean == pytest.approx(0.15)
    assert [(flip.id, flip.before, flip.after) for flip in found.better["hybrid"]] == [
        ("q2", 0.0, 1.0),
        ("q3", 0.2, 0.3),
    ]
    assert [flip.id for flip in found.worse["hybrid"]] == ["q1"]


def test_runs_of_other_questions_are_not_compared(stored: Evaluations) -> None:
    before, after = keep(stored, "before", (1.0,), day=0, sha256="t"), keep(stored, "after", (1.0,), day=1)
    with pytest.raises(InputError, match="other questions"):
        compare(after, stored.per_question("after"), before, stored.per_question("before"))
