from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from ragkit.errors import InputError, MissingExtra, RagkitError, TooLarge, UnsupportedFormat, UpstreamError
from ragkit.ingest.bucket import Bucket
from ragkit.ingest.patterns import Patterns
from ragkit.ingest.sources import Item


@pytest.fixture
def store() -> Iterator[MemoryFileSystem]:
    store = MemoryFileSystem()
    store.pipe({"/b/docs/a.md": b"# A", "/b/docs/sub/b.md": b"# B", "/b/docs/.hidden": b"no", "/b/other.md": b"no"})
    yield store
    store.rm("/", recursive=True)


def bucket(tmp_path: Path, url: str = "memory://b/docs", **more: Patterns | bool | int) -> Bucket:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    for old in scratch.iterdir():
        old.unlink()
    given = {"max_bytes": 1000, **more}
    return Bucket(url=url, prefix="s/", scratch=scratch, memory=tmp_path / "sources" / "s.json", **given)  # type: ignore[arg-type]


def listed(tmp_path: Path, **more: Patterns | bool | int) -> dict[str, Item]:
    return {item.uri: item for item in bucket(tmp_path, **more).items()}


def why(item: Item) -> RagkitError:
    assert item.fetch is not None
    with pytest.raises(RagkitError) as caught:
        item.fetch()
    return caught.value


def test_objects_below_the_folder_are_documents(store: MemoryFileSystem, tmp_path: Path) -> None:
    items = listed(tmp_path)
    assert {uri: item.path.read_bytes() for uri, item in items.items()} == {"s/a.md": b"# A", "s/sub/b.md": b"# B"}
    assert [item.name for item in items.values()] == ["a.md", "b.md"]


def test_patterns_choose_objects_as_files(store: MemoryFileSystem, tmp_path: Path) -> None:
    assert list(listed(tmp_path, patterns=Patterns(exclude=("sub/",)))) == ["s/a.md"]
    assert list(listed(tmp_path, patterns=Patterns(include=("/sub/*.md",)))) == ["s/sub/b.md"]


def test_only_what_the_listing_says_has_changed_is_fetched(store: MemoryFileSystem, tmp_path: Path) -> None:
    listed(tmp_path)
    store.pipe("/b/docs/a.md", b"# A, and more")
    items = listed(tmp_path)
    assert (items["s/a.md"].sha256, items["s/a.md"].path.read_bytes()) == (None, b"# A, and more")
    unchanged = items["s/sub/b.md"]
    assert unchanged.sha256 is not None
    assert not unchanged.path.exists()
    assert unchanged.fetch is not None
    unchanged.fetch()
    assert unchanged.path.read_bytes() == b"# B"


def test_a_sidecar_beside_its_object_is_its_metadata(store: MemoryFileSystem, tmp_path: Path) -> None:
    store.pipe({"/b/docs/a.md.meta.json": b'{"author": "Ada"}', "/b/docs/alone.md.meta.json": b"{}"})
    items = listed(tmp_path)
    assert list(items) == ["s/a.md", "s/alone.md.meta.json", "s/sub/b.md"]
    assert items["s/a.md"].metadata == {"author": "Ada"}
    assert isinstance(why(items["s/alone.md.meta.json"]), UnsupportedFormat)
    assert "s/a.md.meta.json" in listed(tmp_path, sidecars=False)


def test_an_object_that_is_too_large_or_described_wrongly_fails_alone(store: MemoryFileSystem, tmp_path: Path) -> None:
    store.pipe({"/b/docs/big.md": b"x" * 2000, "/b/docs/a.md.meta.json": b"{"})
    items = listed(tmp_path)
    assert isinstance(why(items["s/big.md"]), TooLarge)
    assert "a.md.meta.json" in why(items["s/a.md"]).detail
    assert items["s/sub/b.md"].path.read_bytes() == b"# B"


def test_a_folder_of_this_machine_can_stand_for_a_bucket(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "a.md").write_text("# A")
    (item,) = bucket(tmp_path, f"file://{tmp_path}/share").items()
    assert (item.uri, item.path.read_text()) == ("s/a.md", "# A")
    (again,) = bucket(tmp_path, f"file://{tmp_path}/share").items()
    assert again.sha256 is not None


@pytest.mark.parametrize("url", ["memory://b/dosc", "file:///nowhere/at/all"])
def test_a_wrong_name_is_not_an_empty_bucket(store: MemoryFileSystem, tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="nothing in the bucket"):
        list(bucket(tmp_path, url).items())


def test_a_kind_of_store_whose_package_is_missing_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match="gs://") as caught:
        list(bucket(tmp_path, "gs://b").items())
    assert caught.value.hint == "pip install gcsfs"


def test_a_kind_of_store_that_nobody_knows_is_named(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="nosuch://b"):
        list(bucket(tmp_path, "nosuch://b").items())
