"""Collections, and what two writers on one document do to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, update

from ragkit.errors import InputError, NotFound
from ragkit.index.catalog import Catalog
from ragkit.index.erasure import Eraser
from ragkit.index.generations import Collections, Generation, Superseded
from ragkit.index.ledger import Attempt, Finding, Known, Ledger
from ragkit.index.resident import Directories
from ragkit.index.scope import Scope
from ragkit.index.snapshots import Snapshots
from ragkit.index.versions import NewChunk, NewVersion, Versions
from ragkit.parsed import Parsed
from ragkit.protocols import EmbedderSpec
from ragkit.store.engine import Database
from ragkit.store.tables import metadata, vectors, versions
from ragkit.types import Chunk, Filters

SPEC = EmbedderSpec(id="test", dimension=4, max_tokens=100)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    on_disk = f"sqlite:///{tmp_path / 'ragkit.db'}"
    database = Database.open(on_disk if request.param == "sqlite" else request.getfixturevalue("postgres"))
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    yield database
    database.close()


@pytest.fixture
def generation(database: Database) -> Generation:
    return Collections(database).ensure("c", SPEC)


def _found(ledger: Ledger, generation: Generation, uri: str) -> Known:
    return ledger.find(generation, [Finding(uri=uri)])[uri]


def _go_live(database: Database, generation: Generation, batch: list[NewVersion]) -> tuple[list[NewVersion], list[str]]:
    Ledger(database).begin([version.attempt for version in batch])
    return Versions(database).go_live(generation, batch)


def _version(known: Known, text: str, *, media_type: str = "text/plain", language: str | None = None) -> NewVersion:
    chunk = Chunk(chunk_id=f"chk_{text}", start=0, end=len(text), page=None, heading="", text=text)
    vector = np.array([1, 0, 0, 0], np.float32)
    return NewVersion(
        known=known,
        attempt=Attempt(document_id=known.document_id),
        sha256=text.ljust(64),
        size=len(text),
        fingerprint="p c",
        parsed=Parsed(text=text, title="T", media_type=media_type, metadata={"language": language} if language else {}),
        chunks=(NewChunk(chunk=chunk, vector_key=text.ljust(16).encode()[:16], vector=vector),),
    )


def test_the_second_of_two_writers_does_not_win(database: Database, generation: Generation) -> None:
    ledger, catalog = Ledger(database), Catalog(database)
    known = _found(ledger, generation, "s/a")
    switched, _ = _go_live(database, generation, [_version(known, "first")])
    assert len(switched) == 1
    late, retired = _go_live(database, generation, [_version(known, "second")])
    assert (late, retired) == ([], ["chk_second"])
    (document,) = catalog.documents(collection="c")
    assert catalog.view(document.id).text == "first"


def test_a_new_version_retires_the_chunks_of_the_old_and_keeps_it(database: Database, generation: Generation) -> None:
    ledger, catalog = Ledger(database), Catalog(database)
    _go_live(database, generation, [_version(_found(ledger, generation, "s/a"), "first")])
    _, retired = _go_live(database, generation, [_version(ledger.known(generation)["s/a"], "second")])
    assert retired == ["chk_first"]
    assert set(catalog.live_chunks(generation)) == {"chk_second"}
    assert [ids for ids, _ in catalog.live_vectors(generation)] == [["chk_second"]]
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM vectors").scalar() == 2


def test_finding_a_document_twice_gives_it_one_id(database: Database, generation: Generation) -> None:
    ledger = Ledger(database)
    assert _found(ledger, generation, "s/a") == _found(ledger, generation, "s/a")


def test_every_change_raises_the_sequence(database: Database, generation: Generation) -> None:
    ledger, collections = Ledger(database), Collections(database)
    _go_live(database, generation, [_version(_found(ledger, generation, "s/a"), "first")])
    changed = collections.get("c").sequence
    assert changed > generation.sequence
    Eraser(database).remove(generation, [ledger.known(generation)["s/a"].document_id])
    assert collections.get("c").sequence > changed


def test_filters_choose_documents(database: Database, generation: Generation) -> None:
    ledger, catalog = Ledger(database), Catalog(database)
    a, b, c = (_found(ledger, generation, uri) for uri in ("s/100%_a", "s/1000_b", "t/c"))
    _go_live(database, generation, [_version(a, "a"), _version(b, "b", media_type="text/html"), _version(c, "c")])

    def matching(**filters: object) -> set[str]:
        scope = Scope(filters=Filters(**filters))  # type: ignore[arg-type]
        return set(catalog.in_scope(generation, scope) or ())

    assert matching() == {a.document_id, b.document_id, c.document_id}
    assert matching(uri_prefix="s/") == {a.document_id, b.document_id}
    assert matching(uri_prefix="s/100%") == {a.document_id}
    assert matching(media_types=("text/html",)) == {b.document_id}
    assert matching(document_ids=(c.document_id,), uri_prefix="s/") == set()


def test_documents_are_listed_page_by_page_while_they_change(database: Database, generation: Generation) -> None:
    ledger, catalog, other = Ledger(database), Catalog(database), Collections(database).ensure("d", SPEC)
    a, b, c = (_found(ledger, generation, uri) for uri in ("s/a", "s/a b", "t/c"))
    _go_live(database, generation, [_version(a, "a"), _version(b, "b"), _version(c, "c")])
    _go_live(database, other, [_version(_found(ledger, other, "s/a"), "e")])
    first = catalog.documents(limit=2)
    assert [one.place for one in first] == ["c/s/a", "c/s/a b"]
    Eraser(database).remove(generation, [b.document_id])
    assert [one.place for one in catalog.documents(limit=2, after=first[-1].place)] == ["c/t/c", "d/s/a"]
    assert [one.place for one in catalog.documents(limit=2, only=["d"])] == ["d/s/a"]
    assert catalog.documents(after="d/s/a") == ()


def test_keyword_entries_say_the_language_of_their_document(database: Database, generation: Generation) -> None:
    ledger = Ledger(database)
    german = _version(_found(ledger, generation, "s/a"), "eins", language="de")
    _go_live(database, generation, [german, _version(_found(ledger, generation, "s/b"), "one")])

    entries = sorted(Catalog(database).keyword_entries(generation), key=lambda entry: entry.text)

    assert [(entry.text, entry.title, entry.language) for entry in entries] == [("eins", "T", "de"), ("one", "T", "")]


def test_an_unknown_collection_lists_those_that_exist(database: Database, generation: Generation) -> None:
    with pytest.raises(NotFound, match="'nosuch'") as caught:
        Collections(database).get("nosuch")
    assert "There are: c." in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-x", "a b", "x" * 101])
def test_a_name_that_would_not_survive_a_url_or_a_shell_is_refused(database: Database, name: str) -> None:
    with pytest.raises(InputError, match="name of a collection"):
        Collections(database).ensure(name, SPEC)


def test_a_deleted_collection_takes_its_documents_along(database: Database, generation: Generation) -> None:
    ledger = Ledger(database)
    _go_live(database, generation, [_version(_found(ledger, generation, "s/a"), "first")])
    Collections(database).delete("c")
    assert Collections(database).list() == ()
    assert Catalog(database).documents() == ()


def test_a_collection_made_again_is_not_taken_for_the_old_one(database: Database, generation: Generation) -> None:
    Collections(database).delete("c")
    again = Collections(database).ensure("c", SPEC)
    assert again.sequence == generation.sequence
    assert again.state != generation.state


def test_the_list_counts_live_documents_and_chunks(database: Database, generation: Generation) -> None:
    ledger = Ledger(database)
    _go_live(database, generation, [_version(_found(ledger, generation, "s/a"), "first")])
    _found(ledger, generation, "s/never-parsed")
    (collection,) = Collections(database).list()
    assert (collection.name, collection.documents, collection.chunks) == ("c", 1, 1)
    assert (collection.embedder, collection.dimension, collection.generation) == ("test", 4, 1)


def test_what_is_written_to_a_deleted_collection_is_told_as_one(database: Database, generation: Generation) -> None:
    Collections(database).delete("c")
    assert Snapshots(database).record(generation) is None
    with pytest.raises(Superseded):
        Ledger(database).find(generation, [Finding(uri="a")])
    with pytest.raises(Superseded):
        Versions(database).withdraw(generation, ["a"])


def test_the_list_counts_documents_that_only_hold_others(database: Database, generation: Generation) -> None:
    known = _found(Ledger(database), generation, "z.zip")
    _go_live(database, generation, [replace(_version(known, "z"), chunks=())])
    assert Collections(database).list()[0].documents == 1


def test_a_chunk_whose_vector_is_lost_is_found_by_its_words(database: Database, generation: Generation) -> None:
    _go_live(database, generation, [_version(_found(Ledger(database), generation, "a"), "words")])
    with database.write() as connection:
        connection.execute(delete(vectors))
    directory = Directories(Catalog(database)).of(Collections(database).get("c"))
    assert directory is not None
    assert directory.passing(["chk_words"], None) == {"chk_words"}


def test_documents_from_before_signatures_have_an_age(database: Database, generation: Generation) -> None:
    known = _found(Ledger(database), generation, "a")
    _go_live(database, generation, [_version(known, "words")])
    with database.write() as connection:
        connection.execute(update(versions).values(signature=None))
    assert Catalog(database).editions([known.document_id])[known.document_id].live_at
    assert Catalog(database).signatures([known.document_id]) == {}


def test_a_generation_with_a_chunk_profile_can_be_hashed(generation: Generation) -> None:
    assert hash(replace(generation, chunking={"tokens": 100})) == hash(generation)
