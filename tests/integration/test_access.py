"""No caller learns of a document that its access tags do not show, by whatever way it asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.app import Ragkit
from ragkit.errors import NotAllowed, NotFound
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections
from ragkit.index.resident import MOST_BYTES
from ragkit.ingest.pipelines import Pipeline
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.filters import NARROW
from ragkit.retrieve.pipeline import Retriever
from ragkit.settings import load
from ragkit.store.engine import Database
from ragkit.testing.embed import HashedEmbedder
from ragkit.testing.stores import MemoryKeywords, MemoryVectors
from ragkit.types import DocumentView, Filters, Mode

MODES: tuple[Mode, ...] = ("hybrid", "dense", "keyword")
TAGS = {"hr": ("hr",), "both": ("hr", "it"), "it": ("it",), "open": ()}
"""Access tags of the documents of each pipeline."""
COMMON = "The office closes at six on Fridays, says rule one of the house."
RULES = "".join(f"\n\nRule {n}: whoever does task {n} tells the office on day {n * 7 % 31}." for n in range(30))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(models)
    return home


@pytest.fixture(scope="module")
def kit(home: Path) -> Iterator[Ragkit]:
    with Ragkit.open(load(home=home)) as kit:
        for name, access in TAGS.items():
            folder = home / name
            folder.mkdir()
            (folder / "same.txt").write_text(COMMON, "utf-8")
            (folder / "near.md").write_text(f"# House rules\n\nThe secret of {name} is {name}-4711.{RULES}", "utf-8")
            kit.ingest_pipeline(Pipeline(name=name, source=folder, collection="house", access=access))
        yield kit


def visible(uri: str, access: tuple[str, ...] | None) -> bool:
    return access is None or bool(set(TAGS[uri.partition("/")[0]]) & set(access))


CALLERS = st.one_of(st.none(), st.sampled_from([(), ("hr",), ("it",), ("hr", "it"), ("nobody",), ("HR",), ("h",)]))
QUESTIONS = st.sampled_from(["When does the office close?", "secret 4711", "hr-4711", "rule one", "task 7", "it"])
FILTERS = st.sampled_from(
    [None, Filters(uri_prefix="hr/"), Filters(uri_prefix="open/"), Filters(languages=("en",)), Filters(since="1999")]
)


@pytest.fixture(scope="module")
def retrievers(kit: Ragkit, home: Path) -> Iterator[list[Retriever]]:
    """One that has all in memory, one that scans what is in scope, and one that reads its lists deep enough."""
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")
    catalog, collections = Catalog(database), Collections(database)
    generation = collections.get("house")
    vectors, keywords = MemoryVectors(lambda: catalog.live_vectors(generation)), MemoryKeywords()
    vectors.rebuild()
    keywords.rebuild(catalog.keyword_entries(generation))
    spec = generation.spec

    class Embedder(HashedEmbedder):
        @property
        def spec(self):  # type: ignore[no-untyped-def]
            return spec

    yield [
        Retriever(
            collections=collections,
            catalog=catalog,
            dense=DenseSearch(
                embedder=lambda _: Embedder(), catalog=catalog, vectors=lambda _: vectors, most_bytes=most_bytes
            ),
            keywords=lambda _: keywords,
            reranker=None,
            narrow=narrow,
        )
        for narrow, most_bytes in ((NARROW, MOST_BYTES), (NARROW, 0), (0, 0))
    ]
    database.close()


@settings(max_examples=60)
@given(question=QUESTIONS, access=CALLERS, mode=st.sampled_from(MODES), filters=FILTERS, k=st.integers(1, 30))
def test_no_search_shows_what_the_caller_may_not_see(
    retrievers: list[Retriever],
    question: str,
    access: tuple[str, ...] | None,
    mode: Mode,
    filters: Filters | None,
    k: int,
) -> None:
    held, scanned, deep = (
        retriever.search(question, collection="house", k=k, mode=mode, filters=filters, access=access).hits
        for retriever in retrievers
    )
    uris = [uri for hit in (*held, *scanned, *deep) for uri in (hit.uri, *hit.also_in)]
    assert all(visible(uri, access) for uri in uris)
    if filters and filters.uri_prefix:
        assert all(uri.startswith(filters.uri_prefix) for uri in uris)
    # Which of two equal passages comes first is left to chance; that the best are found is not.
    scores = [[round(hit.score, 3) for hit in hits] for hits in (held, scanned, deep)]
    assert scores[0] == scores[1] == scores[2]


@pytest.mark.parametrize("access", [(), ("hr",), ("it",), ("hr", "it"), ("nobody",)], ids=str)
def test_no_door_shows_what_the_caller_may_not_see(kit: Ragkit, access: tuple[str, ...]) -> None:
    mine = kit.seen_by(access)
    everything = kit.documents.list(collection="house")
    expected = {document.uri for document in everything if visible(document.uri, access)}
    assert {document.uri for document in mine.documents.list(collection="house")} == expected
    assert {document.uri for document in mine.documents.list()} == expected
    (counted,) = mine.collections.list()
    assert counted.documents == len(expected)
    for document in everything:
        if document.uri in expected:
            _check_view(mine.documents.get(document.id), access)
            continue
        for call in (mine.documents.get, mine.documents.delete, mine.documents.release):
            with pytest.raises(NotFound, match="no document"):
                call(document.id)
    for mode in MODES:
        found = mine.search("secret 4711", collection="house", mode=mode).hits
        assert {uri for hit in found for uri in (hit.uri, *hit.also_in)} <= expected
        assert bool(found) == bool(expected)
    answer = mine.ask("What is the secret of the house rules?", collection="house")
    assert {citation.uri for citation in answer.citations} <= expected
    hidden = set(TAGS) - {uri.partition("/")[0] for uri in expected}
    assert not any(f"{name}-4711" in answer.answer for name in hidden)


def _check_view(view: DocumentView, access: tuple[str, ...]) -> None:
    assert all(visible(uri, access) for uri in view.near_duplicates)


def test_a_caller_with_tags_is_no_operator(kit: Ragkit) -> None:
    mine = kit.seen_by(("hr",))
    calls = [mine.jobs.list, mine.snapshots.list, mine.evaluate.list, lambda: mine.explain("secret")]
    calls += [lambda: mine.collections.delete("house"), lambda: mine.collections.configure("house", untagged=True)]
    calls += [mine.verify, mine.reindex, mine.prompts.list, lambda: mine.ingest("."), lambda: mine.ingest_roots([])]
    calls += [lambda: mine.documents.upload("rules.md", b"None.")]
    for call in calls:
        with pytest.raises(NotAllowed):
            call()


def test_untagged_documents_are_shown_where_the_collection_says_so(kit: Ragkit) -> None:
    assert kit.collections.configure("house", untagged=True).untagged
    try:
        seen = {document.uri for document in kit.seen_by(("it",)).documents.list(collection="house")}
        assert {uri.partition("/")[0] for uri in seen} == {"it", "both", "open"}
    finally:
        assert not kit.collections.configure("house", untagged=False).untagged
