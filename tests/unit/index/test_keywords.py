"""What the index over tantivy does beyond the contract of a keyword index."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragkit.errors import StorageError
from ragkit.index.keywords import TantivyIndex
from ragkit.protocols import KeywordEntry
from ragkit.store.locks import try_lock


def entry(chunk_id: str, text: str) -> KeywordEntry:
    return KeywordEntry(chunk_id=chunk_id, document_id="doc_1", title="", heading="", text=text)


def found(index: TantivyIndex, query: str) -> list[str]:
    return [key for key, _ in index.search(query, k=100)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keywords" / "c1"


def elsewhere(path: Path, script: str) -> None:
    """Run it in another process, over the same index."""
    prelude = (
        "import sys; from pathlib import Path\n"
        "from ragkit.index.keywords import TantivyIndex; from ragkit.protocols import KeywordEntry\n"
        "def entry(key, text):\n"
        "    return KeywordEntry(chunk_id=key, document_id='doc_1', title='', heading='', text=text)\n"
        "index = TantivyIndex(Path(sys.argv[1]))\n"
    )
    subprocess.run([sys.executable, "-c", prelude + script, str(path)], check=True)


def test_what_another_process_commits_is_found_at_once(path: Path) -> None:
    index = TantivyIndex(path)
    index.update(add=[entry("a", "first words")], delete=[])
    assert found(index, "words") == ["a"]

    elsewhere(path, "index.update(add=[entry('b', 'second words')], delete=['a'])")

    assert found(index, "words") == ["b"]


def test_what_another_process_rebuilds_is_found_at_once(path: Path) -> None:
    index = TantivyIndex(path)
    index.update(add=[entry("a", "first words")], delete=[])
    assert found(index, "words") == ["a"]

    elsewhere(path, "index.rebuild([entry('b', 'second words')])")

    assert found(index, "words") == ["b"]
    index.update(add=[entry("c", "third words")], delete=[])
    assert set(found(index, "words")) == {"b", "c"}


def test_processes_that_write_at_once_wait_for_each_other(path: Path) -> None:
    script = "for n in range(5): index.update(add=[entry(f'{sys.argv[1][-1]}-%s-{n}', 'words')], delete=[])"
    threads = [threading.Thread(target=elsewhere, args=(path, script % number)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found(TantivyIndex(path), "words")) == 15


def test_a_rebuild_leaves_one_folder_and_only_the_new_entries(path: Path) -> None:
    index = TantivyIndex(path)
    index.update(add=[entry("a", "old words")], delete=[])
    index.rebuild(entry(f"c{number}", "new words") for number in range(50))

    assert found(index, "old") == []
    assert index.ids() == {f"c{number}" for number in range(50)}
    assert sum(child.is_dir() and not child.is_symlink() for child in path.iterdir()) == 1


def test_a_rebuild_that_fails_changes_nothing(path: Path) -> None:
    index = TantivyIndex(path)
    index.update(add=[entry("a", "old words")], delete=[])

    def broken() -> object:
        yield entry("b", "new words")
        raise RuntimeError("the catalog went away")

    with pytest.raises(RuntimeError, match="went away"):
        index.rebuild(broken())  # type: ignore[arg-type]

    assert found(index, "words") == ["a"]
    assert sum(child.is_dir() and not child.is_symlink() for child in path.iterdir()) == 1


def test_searches_go_on_while_the_index_is_rebuilt_and_written(path: Path) -> None:
    index = TantivyIndex(path)
    index.rebuild([entry("a", "words")])
    done = threading.Event()
    failures: list[BaseException] = []

    def search() -> None:
        reader = TantivyIndex(path)
        while not done.is_set():
            try:
                assert "a" in found(reader, "words")
            except BaseException as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(10):
        index.rebuild([entry("a", "words"), entry(f"r{number}", "words")])
        index.update(add=[entry(f"u{number}", "words")], delete=[])
    done.set()
    for thread in threads:
        thread.join()

    assert failures == []


def test_ids_are_those_that_can_be_found(path: Path) -> None:
    index = TantivyIndex(path)
    assert index.ids() == set()
    index.update(add=[entry(f"c{number}", "") for number in range(2000)], delete=[])
    index.update(add=[], delete=["c7"])

    assert index.ids() == {f"c{number}" for number in range(2000)} - {"c7"}


def test_a_dropped_index_is_empty_and_can_be_used_again(path: Path) -> None:
    index = TantivyIndex(path)
    index.update(add=[entry("a", "words")], delete=[])
    index.drop()

    assert found(index, "words") == []
    assert [child.name for child in path.iterdir()] == [".lock"]
    index.update(add=[entry("b", "words")], delete=[])
    assert found(index, "words") == ["b"]


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garble(path: Path) -> None:
    path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))


@pytest.mark.parametrize("damage", [empty, garble, Path.unlink])
@pytest.mark.parametrize("pattern", ["meta.json", "*.term", "*.store", "*.idx", "*.fieldnorm"])
def test_a_damaged_index_can_be_rebuilt(path: Path, pattern: str, damage: Callable[[Path], None]) -> None:
    entries = [entry(f"c{number}", f"words number {number}") for number in range(200)]
    TantivyIndex(path).rebuild(entries)
    for file in list((path / "current").glob(pattern)):
        damage(file)

    index = TantivyIndex(path)
    with contextlib.suppress(StorageError):  # and nothing else comes out
        found(index, "words number")
        index.ids()

    index.rebuild(entries)
    assert len(found(index, "words")) == 100
    assert index.ids() == {f"c{number}" for number in range(200)}


@pytest.mark.parametrize("pattern", ["meta.json", "*.term", "*.store"])
def test_missing_files_are_never_taken_for_an_empty_index(path: Path, pattern: str) -> None:
    TantivyIndex(path).rebuild([entry("a", "words")])
    for file in list((path / "current").glob(pattern)):
        file.unlink()

    with pytest.raises(StorageError, match="damaged") as caught:
        found(TantivyIndex(path), "words")
    assert "verify --repair" in (caught.value.hint or "")


def test_the_lock_is_given_back_after_a_failed_update(path: Path) -> None:
    index = TantivyIndex(path)
    index.update(add=[entry("a", "words")], delete=[])
    (path / "current" / "meta.json").write_text("{")

    with pytest.raises(StorageError):
        index.update(add=[entry("b", "words")], delete=[])

    free = try_lock(path / ".lock")
    assert free is not None
    os.close(free)


def age(path: Path) -> None:
    """Make it look as if an earlier version of ragkit had built it."""
    current = path / "current"
    old = current.resolve().rename(path / "0123456789abcdef")
    current.unlink()
    current.symlink_to(old.name)


def test_an_index_of_another_version_is_never_read_as_it_is(path: Path) -> None:
    index = TantivyIndex(path)
    index.rebuild([entry("a", "words")])
    age(path)

    with pytest.raises(StorageError, match="another version") as caught:
        found(index, "words")
    assert "verify --repair" in (caught.value.hint or "")
    with pytest.raises(StorageError, match="another version"):
        index.update(add=[entry("b", "words")], delete=())
    index.rebuild([entry("a", "words")])
    assert found(index, "words") == ["a"]


def test_a_full_disk_is_not_taken_for_damage(path: Path) -> None:
    def entries() -> Iterator[KeywordEntry]:
        yield entry("a", "lift")
        raise OSError(errno.ENOSPC, "No space left on device")

    index = TantivyIndex(path)
    index.update(add=[entry("b", "parcel")], delete=())
    with pytest.raises(StorageError, match=r"cannot be written: .*No space left"):
        index.rebuild(entries())
    assert found(index, "parcel") == ["b"]
