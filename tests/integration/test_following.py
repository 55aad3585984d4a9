"""The keyword index of every machine finds what the catalog holds, whoever has written it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit.index.catalog import Catalog
from ragkit.index.erasure import Eraser
from ragkit.index.following import FollowingKeywords
from ragkit.index.generations import Collections
from ragkit.index.keywords import TantivyIndex
from ragkit.index.ledger import Ledger
from ragkit.index.rebuilding import Generations
from ragkit.index.versions import Versions
from ragkit.protocols import KeywordEntry
from ragkit.store.engine import Database
from ragkit.store.locks import try_lock
from tests.catalogs import SPEC, write

Machine = Callable[[], FollowingKeywords]


in_both = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def machine(database: Database, tmp_path: Path) -> Machine:
    Collections(database).ensure("c", SPEC)
    return machine_of(database, tmp_path / "keywords")


def machine_of(database: Database, path: Path) -> Machine:
    """Opens the index in a folder as each search does, with the collection as it is at that moment."""
    index = TantivyIndex(path)
    return lambda: FollowingKeywords(
        index,
        database=database,
        catalog=Catalog(database),
        generations=Generations(database),
        generation=Collections(database).get("c"),
    )


def put(database: Database, uris: list[str], edition: int = 0) -> None:
    write(database, Collections(database).get("c"), uris, edition)


def found(keywords: FollowingKeywords, query: str = "d/1 d/2 d/3") -> list[str]:
    return sorted(key for key, _ in keywords.search(query, k=100))


@in_both
def test_what_another_machine_ingested_is_found_by_its_words(database: Database, machine: Machine) -> None:
    put(database, ["d/1"])
    assert found(machine()) == ["chk_d/1 0 0", "chk_d/1 0 1"]

    put(database, ["d/1"], 1)  # another machine: nothing is written to this one's index
    put(database, ["d/2"])

    assert found(machine()) == ["chk_d/1 1 0", "chk_d/1 1 1", "chk_d/2 0 0", "chk_d/2 0 1"]


def test_what_another_machine_withdrew_is_taken_out(database: Database, machine: Machine) -> None:
    put(database, ["d/1", "d/2"])
    assert len(found(machine())) == 4
    generation = Collections(database).get("c")
    Versions(database).withdraw(generation, [Ledger(database).known(generation)["d/2"].document_id])

    assert found(machine()) == ["chk_d/1 0 0", "chk_d/1 0 1"]


@in_both
def test_what_another_machine_erased_leaves_no_byte_here(database: Database, machine: Machine, tmp_path: Path) -> None:
    put(database, ["d/1", "d/2"], 7)
    assert len(found(machine())) == 4
    generation, eraser = Collections(database).get("c"), Eraser(database)
    eraser.remove(generation, [Ledger(database).known(generation)["d/2"].document_id])
    assert len(found(machine())) == 2
    eraser.purged(generation)

    assert len(found(machine())) == 2
    held = b"".join(file.read_bytes() for file in (tmp_path / "keywords").rglob("*") if file.is_file())
    assert b"chk_d/1 7" in held
    assert b"chk_d/2 7" not in held


def test_an_index_whose_folder_is_gone_is_made_anew(database: Database, machine: Machine, tmp_path: Path) -> None:
    put(database, ["d/1", "d/2"])
    assert len(found(machine())) == 4

    shutil.rmtree(tmp_path / "keywords")
    assert len(found(machine())) == 4

    shutil.rmtree(tmp_path / "keywords")
    entry = KeywordEntry(chunk_id="chk_d/3 0 0", document_id="d", title="", heading="", text="d/3", language="")
    machine().update(add=[entry], delete=())
    assert len(found(machine())) == 5


def test_what_is_written_before_it_is_live_stays(database: Database, machine: Machine) -> None:
    put(database, ["d/1"])
    generation = Collections(database).get("c")
    coming = KeywordEntry(chunk_id="chk_d/2 0 0", document_id="later", title="", heading="", text="d/2", language="")
    machine().update(add=[coming], delete=())
    put(database, ["d/1"], 1)  # another process is faster
    assert len(found(machine())) == 3
    write(database, generation, ["d/2"], 0)

    assert found(machine()) == ["chk_d/1 1 0", "chk_d/1 1 1", "chk_d/2 0 0", "chk_d/2 0 1"]


def test_a_search_does_not_wait_for_who_writes(database: Database, machine: Machine, tmp_path: Path) -> None:
    put(database, ["d/1"])
    assert len(found(machine())) == 2
    put(database, ["d/2"])
    held = try_lock(tmp_path / "keywords" / ".lock")
    assert held is not None
    try:
        assert len(found(machine())) == 2
    finally:
        os.close(held)
    assert len(found(machine())) == 4


def test_two_that_follow_at_a_time_lose_nothing(database: Database, machine: Machine, tmp_path: Path) -> None:
    put(database, ["d/1"])
    beside = machine_of(database, tmp_path / "keywords")
    assert found(machine()) == found(beside())
    index = TantivyIndex(tmp_path / "keywords")
    before = index.mark()
    put(database, ["d/2"])
    assert len(found(machine())) == 4

    index.advance(before, "what is older", add=(), delete=["chk_d/2 0 0"])

    assert len(found(beside())) == 4


def test_an_index_of_another_version_is_built_anew_by_itself(
    database: Database, machine: Machine, tmp_path: Path
) -> None:
    put(database, ["d/1"])
    assert len(found(machine())) == 2
    current = tmp_path / "keywords" / "current"
    old = current.resolve().rename(tmp_path / "keywords" / "0123456789abcdef")
    current.unlink()
    current.symlink_to(old.name)

    assert len(found(machine())) == 2
    assert sum(child.is_dir() and not child.is_symlink() for child in (tmp_path / "keywords").iterdir()) == 1
