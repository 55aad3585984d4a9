"""What is held in memory of a collection is what the catalog says, whatever has happened to it, in both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest

from ragkit.index.catalog import Catalog
from ragkit.index.contents import Contents, Moment
from ragkit.index.directory import Directory
from ragkit.index.erasure import Eraser
from ragkit.index.generations import Collections, Generation
from ragkit.index.ledger import Ledger
from ragkit.index.resident import Directories
from ragkit.index.scope import EVERYTHING, Scope
from ragkit.index.versions import Versions
from ragkit.retrieve.filters import reach
from ragkit.store.engine import Database
from ragkit.types import Filters
from tests.catalogs import SPEC, write

SCOPES = (EVERYTHING, Scope(access=("a",)), Scope(filters=Filters(uri_prefix="d/1")), Scope(access=("nobody",)))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'ragkit.db'}"
    database = Database.open(url if request.param == "sqlite" else request.getfixturevalue("postgres"))
    yield database
    database.close()


class Counting(Catalog):
    """Counts how often a whole collection is read, and counted."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reads = self.counts = 0

    def contents(self, generation: Generation, *, since: Moment | None = None) -> Contents | None:
        self.reads += since is None
        return super().contents(generation, since=since)

    def count(self, generation: Generation) -> int:
        self.counts += 1
        return super().count(generation)


def check(database: Database, directories: Directories) -> Directory:
    catalog, generation = Catalog(database), Collections(database).get("held")
    directory = directories.of(generation)
    assert directory is not None
    assert len(directory) == catalog.count(generation)
    ever = sorted(f"chk_d/{n} {edition} {ordinal}" for n in range(30) for edition in range(9) for ordinal in range(2))
    for scope in SCOPES:
        held = reach(catalog, generation, scope, directory=directory)
        asked = reach(catalog, generation, scope)
        places, vectors = held.places(ever, with_vectors=True)
        expected, stored = asked.places(ever, with_vectors=True)
        assert places == expected
        assert held.passing(ever) == asked.passing(ever) == set(expected)
        assert {key: row.tolist() for key, row in vectors.items()} == {key: row.tolist() for key, row in stored.items()}
        assert sorted(held.document_ids or ()) == sorted(asked.document_ids or ())
        nearest = directory.nearest(np.ones(8, np.float32), k=1_000, within=held.within)
        assert {key for key, _ in nearest} == set(expected)
    return directory


def test_whatever_happens_to_a_collection(database: Database) -> None:
    generation = Collections(database).ensure("held", SPEC)
    directories, ledger = Directories(Catalog(database)), Ledger(database)
    check(database, directories)
    rng, uris = Random(4), [f"d/{n}" for n in range(24)]
    write(database, generation, uris[:16], 0)
    first = check(database, directories)
    for edition in range(1, 7):
        known = ledger.known(generation)
        live = sorted(uri for uri, there in known.items() if there.version_id is not None)
        change = edition % 3
        if change == 0:
            Versions(database).withdraw(generation, [known[uri].document_id for uri in rng.sample(live, 2)])
            ledger.set_access(known[live[0]].document_id, ("a", "b"))
        elif change == 1:
            Eraser(database).remove(generation, [known[rng.choice(live)].document_id])
            ledger.move(generation, known[live[-1]].document_id, f"d/{24 + edition}")
        write(database, generation, rng.sample(uris, 2), edition)
        check(database, directories)
    assert check(database, directories) is not first


def test_an_unchanged_collection_is_read_once_also_by_many_at_a_time(database: Database) -> None:
    generation = Collections(database).ensure("held", SPEC)
    write(database, generation, ["d/1", "d/2"], 0)
    directories, now = Directories(Catalog(database)), Collections(database).get("held")
    with ThreadPoolExecutor(max_workers=8) as threads:
        found = set(threads.map(lambda _: directories.of(now), range(16)))
    assert len(found) == 1
    assert directories.of(generation) in found  # the sequence of before the write


def test_too_many_vectors_are_left_to_the_store_and_counted_once_a_minute(database: Database) -> None:
    generation = Collections(database).ensure("held", SPEC)
    catalog, time = Counting(database), [0.0]
    directories = Directories(catalog, most_bytes=3 * 8 * 4, clock=lambda: time[0])
    write(database, generation, ["d/1"], 0)
    assert directories.of(Collections(database).get("held")) is not None
    for edition in range(4):
        write(database, generation, ["d/2"], edition)
        assert directories.of(Collections(database).get("held")) is None
    assert catalog.counts == 2
    Versions(database).withdraw(generation, [Ledger(database).known(generation)["d/2"].document_id])
    time[0] += 61.0
    assert directories.of(Collections(database).get("held")) is not None


def test_two_collections_that_do_not_fit_together_are_not_read_again_at_every_search(database: Database) -> None:
    catalog, time = Counting(database), [0.0]
    directories = Directories(catalog, most_bytes=3 * 8 * 4, clock=lambda: time[0])
    for name in ("held", "other"):
        write(database, Collections(database).ensure(name, SPEC), ["d/1"], len(name))

    def ask() -> list[bool]:
        return [directories.of(Collections(database).get(name)) is not None for name in ("held", "other")]

    assert [ask() for _ in range(5)] == [[True, False]] * 5
    assert catalog.reads == 1
    time[0] += 601.0
    assert directories.of(Collections(database).get("other")) is not None
