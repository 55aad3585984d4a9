"""An explanation tells what the search did, and nothing but that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ragkit.errors import InputError
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections
from ragkit.protocols import Reranker
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.pipeline import Retriever
from ragkit.store.engine import Database
from ragkit.types import Filters, Hit, Mode
from tests.desk import Desk

PAGES = {
    "a.md": "# Parcels\n\nThe parcel arrives in three days.",
    "b.md": "# Parcels\n\nThe parcel arrives in three days.",
    "c.md": "# Letters\n\nA letter with the number E-4012 is late.",
    **{f"more{n}.md": f"# Page {n}\n\nThe parcel of house {n} is in room {n}." for n in range(40)},
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home: Path = tmp_path_factory.mktemp("explain")
    (home / "docs").mkdir()
    desk = Desk(home, home / "docs", Database.open(f"sqlite:///{home / 'ragkit.db'}"))
    for name, text in PAGES.items():
        desk.write(name, text)
    desk.run()
    yield desk
    desk.parsers.close()
    desk.database.close()


@pytest.fixture(scope="module")
def open_retriever(desk: Desk) -> Iterator[Callable[..., Retriever]]:
    opened: list[Retriever] = []

    def make(narrow: int, reranker: Reranker | None = None) -> Retriever:
        retriever = Retriever(
            collections=Collections(desk.database),
            catalog=Catalog(desk.database),
            dense=DenseSearch(
                embedder=lambda _: desk.embedder, catalog=desk.catalog, vectors=lambda generation: desk.vectors
            ),
            keywords=lambda generation: desk.keywords,
            reranker=None if reranker is None else lambda _: reranker,
            narrow=narrow,
        )
        opened.append(retriever)
        return retriever

    yield make
    for retriever in opened:
        retriever.close()


@pytest.mark.parametrize("mode", ["hybrid", "dense", "keyword"])
def test_the_explained_result_is_the_result(open_retriever: Callable[..., Retriever], mode: Mode) -> None:
    retriever = open_retriever(100)
    found = retriever.search("When does the parcel arrive?", collection="c", k=3, mode=mode).hits
    told = retriever.explain("When does the parcel arrive?", collection="c", k=3, mode=mode)
    shown = [one for one in told.candidates if one.rank is not None]
    assert [(one.rank, one.chunk_id) for one in shown] == [(hit.rank, hit.chunk_id) for hit in found]
    assert {one.fate for one in told.candidates if one.rank is None} <= {"past k", "the same passage as a better one"}
    assert (told.dense_weight is None) == (mode != "hybrid")
    assert ("parcel" in told.terms) == (mode != "dense")
    assert all(one.cosine is not None for one in shown) or mode == "keyword"


def test_a_copy_says_that_it_is_one(open_retriever: Callable[..., Retriever]) -> None:
    told = open_retriever(100).explain("The parcel arrives in three days.", collection="c", k=2)
    fates = {one.uri: one.fate for one in told.candidates}
    assert {fates["s/a.md"], fates["s/b.md"]} == {"shown", "the same passage as a better one"}


def test_passages_that_differ_take_the_places_of_those_that_do_not(open_retriever: Callable[..., Retriever]) -> None:
    retriever, question = open_retriever(100), "In which room is the parcel of a house, and which letter is late?"
    plain = [hit.uri for hit in retriever.search(question, collection="c", k=3).hits]
    told = retriever.explain(question, collection="c", k=3, mmr=0.3)
    found = [hit.uri for hit in retriever.search(question, collection="c", k=3, mmr=0.3).hits]
    assert sum(uri.startswith("s/more") for uri in plain) > sum(uri.startswith("s/more") for uri in found)
    assert [one.uri for one in told.candidates if one.rank] == found
    assert {one.fate for one in told.candidates if one.uri in set(plain) - set(found)} == {
        "too like passages before it"
    }
    assert [hit.uri for hit in retriever.search(question, collection="c", k=3, mmr=1).hits] == plain


@pytest.mark.parametrize("mmr", [-0.1, 1.1, float("nan")])
def test_a_balance_that_is_none_is_refused(open_retriever: Callable[..., Retriever], mmr: float) -> None:
    with pytest.raises(InputError, match="from 0"):
        open_retriever(100).search("parcel", collection="c", mmr=mmr)


def test_what_a_filter_kept_out_is_named(open_retriever: Callable[..., Retriever]) -> None:
    filters = Filters(uri_prefix="s/more")
    deep = open_retriever(0).explain("The parcel arrives in three days.", collection="c", k=2, filters=filters)
    fates = {one.uri: one.fate for one in deep.candidates}
    assert fates["s/a.md"] == "outside the filters or access tags"
    assert deep.scope == "many documents: the lists were read deeper"
    near = open_retriever(100).explain("The parcel arrives in three days.", collection="c", k=2, filters=filters)
    assert near.scope == "40 documents, compared passage by passage"
    assert [one.uri for one in near.candidates if one.rank] == [one.uri for one in deep.candidates if one.rank]


class Noting:
    """A reranker that leaves everything as it is."""

    name = "noting"

    def __init__(self) -> None:
        self.read: list[list[str]] = []

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        self.read.append([hit.chunk_id for hit in hits])
        return list(hits)


def test_the_reranker_reads_the_same_passages_however_many_are_asked_for(
    open_retriever: Callable[..., Retriever],
) -> None:
    noting = Noting()
    retriever = open_retriever(100, noting)
    for k in (1, 10, 200):
        retriever.search("Where is the parcel of house 7?", collection="c", k=k, mode="hybrid+rerank")
    assert len(noting.read[0]) == 30
    assert noting.read[0] == noting.read[1] == noting.read[2]
