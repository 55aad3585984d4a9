"""What filters and access tags let through, in both databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import InputError
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections, Generation
from ragkit.index.ledger import Attempt, Finding, Ledger
from ragkit.index.scope import Scope, checked
from ragkit.index.versions import NewChunk, NewVersion, Versions
from ragkit.parsed import Parsed
from ragkit.protocols import EmbedderSpec
from ragkit.store.engine import Database
from ragkit.types import Chunk, Filters, Range

DOCUMENTS: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "a/100%_1": ({"date": "2026-03-15", "tags": "travel, hr", "language": "de", "year": "2019"}, ("hr",)),
    "a/1000": ({"modified": "2026-02", "tags": "travel", "language": "en", "year": "2026"}, ("hr", "team:x")),
    "A/2": ({"created": "2025", "author": "Ann O'Hara; DROP TABLE", "year": "n/a"}, ()),
    "b/3": ({"date": "03/04/2026", "author": "Bo"}, ("all",)),
}
"""Metadata and access tags by uri."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder: Path = tmp_path_factory.mktemp("scope")
    url = f"sqlite:///{folder / 'ragkit.db'}"
    database = Database.open(url if request.param == "sqlite" else request.getfixturevalue("postgres_server"))
    yield database
    database.close()


@pytest.fixture(scope="module")
def generation(database: Database) -> Generation:
    generation = Collections(database).ensure("scope", EmbedderSpec(id="test", dimension=4, max_tokens=9))
    ledger = Ledger(database)
    known = ledger.find(generation, [Finding(uri=uri, access=access) for uri, (_, access) in DOCUMENTS.items()])
    batch = [
        NewVersion(
            known=known[uri],
            attempt=Attempt(document_id=known[uri].document_id),
            sha256=uri.ljust(64),
            size=1,
            fingerprint="p c",
            parsed=Parsed(text=uri, title=uri, media_type="text/plain", metadata=metadata),
            chunks=(
                NewChunk(
                    chunk=Chunk(chunk_id=f"chk_{uri}", start=0, end=1, page=None, heading="", text=uri),
                    vector_key=uri.ljust(16).encode(),
                    vector=np.array([1, 0, 0, 0], np.float32),
                ),
            ),
        )
        for uri, (metadata, _) in DOCUMENTS.items()
    ]
    ledger.begin([version.attempt for version in batch])
    Versions(database).go_live(generation, batch)
    return generation


def _found(database: Database, generation: Generation, scope: Scope) -> set[str]:
    """Uris in scope, by each of the ways in which the catalog is asked."""
    catalog = Catalog(database)
    chunks = [f"chk_{uri}" for uri in DOCUMENTS]
    few = catalog.in_scope(generation, scope, chunks_at_most=100)
    assert sorted(few or ()) == sorted(catalog.in_scope(generation, scope) or ())
    uris = {uri for uri in DOCUMENTS if f"chk_{uri}" in catalog.passing(generation, chunks, scope)}
    assert uris == {hit.uri for hit in catalog.hits(generation, chunks, scope).values()}
    assert uris == {key[4:] for keys, _ in catalog.live_vectors(generation, scope=scope) for key in keys}
    assert {d.id for d in catalog.documents(collection="scope") if d.uri in uris} == set(few or ())
    return uris


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {"a/100%_1", "a/1000", "A/2", "b/3"}),
        (Filters(uri_prefix="a/"), {"a/100%_1", "a/1000"}),
        (Filters(uri_prefix="a/100%"), {"a/100%_1"}),
        (Filters(media_types=("text/html",)), set()),
        (Filters(tags=("travel",)), {"a/100%_1", "a/1000"}),
        (Filters(tags=("travel", "hr")), {"a/100%_1"}),
        (Filters(languages=("de", "fr")), {"a/100%_1"}),
        (Filters(metadata={"author": "Ann O'Hara; DROP TABLE"}), {"A/2"}),
        (Filters(metadata={"author": "Bo"}, uri_prefix="a/"), set()),
        (Filters(since="2026-03-01"), {"a/100%_1"}),
        (Filters(since="2026-02-20"), {"a/100%_1", "a/1000"}),
        (Filters(since="2025-06", until="2026-02"), {"a/1000", "A/2"}),
        (Filters(ranges=(Range(key="year", at_least=2020.0),)), {"a/1000"}),
        (Filters(ranges=(Range(key="year", at_least=2019.0, at_most=2019.0),)), {"a/100%_1"}),
        (Filters(ranges=(Range(key="year", at_least=2019, at_most=2019.5),)), {"a/100%_1"}),
        (Filters(ranges=(Range(key="author", at_least="B"),)), {"b/3"}),
    ],
)
def test_filters_let_through_what_they_name(
    database: Database, generation: Generation, filters: Filters, expected: set[str]
) -> None:
    assert _found(database, generation, Scope(filters=filters)) - {"b/3"} == expected - {"b/3"}
    if filters.since is None:
        assert _found(database, generation, Scope(filters=filters)) == expected


@pytest.mark.parametrize(
    ("access", "expected", "with_untagged"),
    [
        (None, {"a/100%_1", "a/1000", "A/2", "b/3"}, set()),
        (("hr",), {"a/100%_1", "a/1000"}, {"A/2"}),
        (("team:x", "all"), {"a/1000", "b/3"}, {"A/2"}),
        ((), set(), {"A/2"}),
        (("' OR 1=1 --",), set(), {"A/2"}),
    ],
)
def test_a_caller_sees_what_shares_a_tag(
    database: Database,
    generation: Generation,
    access: tuple[str, ...] | None,
    expected: set[str],
    with_untagged: set[str],
) -> None:
    collections = Collections(database)
    for untagged in (True, False):
        found = collections.configure("scope", untagged=untagged)
        seen = expected | with_untagged if untagged else expected
        assert _found(database, found, Scope(access=access)) == seen
        assert {d.uri for d in Catalog(database).documents(access=access)} == seen
        (counted,) = collections.list(access=access)
        assert (counted.documents, counted.chunks) == (len(seen), len(seen))


def test_changed_access_counts_at_once(database: Database, generation: Generation) -> None:
    ledger, scope = Ledger(database), Scope(access=("late",))
    document_id = ledger.known(generation)["b/3"].document_id
    assert _found(database, generation, scope) == set()
    ledger.set_access(document_id, ("late", "all"))
    assert _found(database, generation, scope) == {"b/3"}
    ledger.set_access(document_id, ("all",))
    assert _found(database, generation, scope) == set()


@pytest.mark.parametrize(
    "filters",
    [
        Filters(since="yesterday"),
        Filters(until="2026-13"),
        Filters(ranges=(Range(key="year", at_least=1.0, at_most="b"),)),
        Filters(tags=tuple(map(str, range(21)))),
        Filters(ranges=(Range(key="n", at_least=10**30),)),
        Filters(ranges=(Range(key="n", at_least=float("nan")),)),
        Filters(ranges=(Range(key="n", at_most=True),)),
        Filters(since=2026),  # type: ignore[arg-type]
        Filters(metadata={"n": 3}),  # type: ignore[dict-item]
        Filters(uri_prefix="\udcff"),
        Filters(document_ids=tuple(map(str, range(10_001)))),
        Filters(tags="hr"),  # type: ignore[arg-type]
    ],
)
def test_filters_that_cannot_be_meant_are_refused(filters: Filters) -> None:
    with pytest.raises(InputError):
        checked(filters)


def test_equal_filters_in_another_order_are_one_scope() -> None:
    a, b = (checked(Filters(metadata=dict(pairs))) for pairs in ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]))
    assert repr(a) == repr(b)
