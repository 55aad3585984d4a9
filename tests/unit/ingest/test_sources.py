from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import PathSpec

from ragkit.errors import InputError, ParseFailed, StorageError, UnsupportedFormat
from ragkit.ingest.changes import Found
from ragkit.ingest.patterns import Patterns
from ragkit.ingest.sources import Item, Root, discover, roots_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "policies" / "drafts").mkdir(parents=True)
    (root / "a.md").write_text("a")
    (root / "policies" / "b.pdf").write_text("b")
    (root / "policies" / "drafts" / "c.md").write_text("c")
    (root / ".hidden").write_text("no")
    (root / "~$a.docx").write_text("no")
    return root


def _below(root: Path, **kwargs: tuple[str, ...]) -> list[str]:
    return [item.uri for item in discover([Root(path=root, prefix="s/", patterns=Patterns(**kwargs))])]


def test_a_folder_is_walked_in_a_stable_order_without_hidden_and_lock_files(folder: Path) -> None:
    assert _below(folder) == ["s/a.md", "s/policies/b.pdf", "s/policies/drafts/c.md"]


def test_patterns_choose_files_as_in_a_gitignore(folder: Path) -> None:
    assert _below(folder, include=("*.md",)) == ["s/a.md", "s/policies/drafts/c.md"]
    assert _below(folder, exclude=("drafts/",)) == ["s/a.md", "s/policies/b.pdf"]
    assert _below(folder, include=("policies/**",), exclude=("**/drafts/**",)) == ["s/policies/b.pdf"]


def test_paths_from_a_command_line_have_file_uris(folder: Path) -> None:
    items = discover(roots_of([str(folder / "a.md"), str(folder / "policies")]))
    assert [item.uri for item in items] == [
        f"file://{folder}/a.md",
        f"file://{folder}/policies/b.pdf",
        f"file://{folder}/policies/drafts/c.md",
    ]


def test_a_file_that_is_named_twice_is_found_once(folder: Path) -> None:
    assert len(discover(roots_of([str(folder), str(folder / "a.md"), str(folder)]))) == 3


def test_a_glob_is_expanded_where_the_shell_did_not(folder: Path) -> None:
    assert [item.name for item in discover(roots_of([f"{folder}/**/*.md"]))] == ["a.md", "c.md"]


def test_the_same_file_through_a_link_has_the_uri_of_its_real_path(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert discover(roots_of([str(tmp_path / "link")])) == discover(roots_of([str(folder)]))


def test_a_loop_of_links_ends(folder: Path) -> None:
    (folder / "policies" / "up").symlink_to(folder)
    assert len(_below(folder)) == 3


def test_what_ragkit_keeps_below_a_folder_is_no_document(folder: Path) -> None:
    (folder / "var" / "files").mkdir(parents=True)
    (folder / "var" / "ragkit.db").write_text("x")
    (folder / "var" / "files" / "d.md").write_text("x")
    assert len(_below(folder)) == 3
    assert len(discover(roots_of([str(folder / "var" / "files")]))) == 1


def test_a_link_to_itself_fails_alone(folder: Path) -> None:
    (folder / "loop.md").symlink_to("loop.md")
    items = {item.uri: item for item in discover([Root(path=folder, prefix="s/")])}
    assert len(items) == 4
    with pytest.raises(ParseFailed, match=r"'loop\.md'"):
        Found.of(items["s/loop.md"]).read(1000)
    with pytest.raises(InputError, match="not there"):
        discover(roots_of([str(folder / "loop.md")]))


def test_a_path_that_no_file_can_have_is_named() -> None:
    with pytest.raises(InputError, match="no file or folder"):
        roots_of(["x" * 300])


class Unplugged:
    """A source whose disk goes while it is listed."""

    prefix = "s/"

    def items(self) -> Iterator[Item]:
        yield Item(uri="s/a.md", path=Path("a.md"), name="a.md")
        raise OSError(errno.EIO, "Input/output error", "/mnt/disk")


def test_a_source_that_cannot_be_listed_to_its_end_is_named() -> None:
    with pytest.raises(StorageError, match=r"'/mnt/disk' .*Input/output error"):
        discover([Unplugged()])


def test_a_file_name_in_any_bytes_is_readable(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    (item,) = discover([Root(path=tmp_path / "odd", prefix="s/")])
    assert item.uri == "s/caf\\xe9.txt"
    assert item.path.read_text() == "x"


def test_a_missing_path_is_named() -> None:
    with pytest.raises(InputError, match="'nowhere'"):
        roots_of(["nowhere"])


def test_a_root_that_vanished_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there") as caught:
        discover([Root(path=tmp_path / "unmounted", prefix="s/")])
    assert "mounted" in (caught.value.hint or "")


def test_a_sidecar_is_no_document_and_describes_its_file(folder: Path) -> None:
    (folder / "a.md.meta.json").write_text('{"author": "Ada", "date": "3 March 2026"}')
    items = {item.uri: item for item in discover([Root(path=folder, prefix="s/")])}
    assert list(items) == ["s/a.md", "s/policies/b.pdf", "s/policies/drafts/c.md"]
    assert items["s/a.md"].metadata == {"author": "Ada", "date": "2026-03-03"}
    assert items["s/a.md"].fetch is None
    (alone,) = discover(roots_of([f"{folder}/a.m*"]))
    assert alone.metadata == items["s/a.md"].metadata


def test_a_damaged_sidecar_fails_its_own_file_by_name(folder: Path) -> None:
    (folder / "a.md.meta.json").write_text('{"author": ')
    first, *others = discover([Root(path=folder, prefix="s/")])
    assert first.fetch is not None
    with pytest.raises(InputError, match=r"'a\.md\.meta\.json'"):
        first.fetch()
    assert all(item.fetch is None for item in others)


def test_a_sidecar_that_arrived_before_its_file_is_skipped_by_name(folder: Path) -> None:
    (folder / "late.pdf.meta.json").write_text("{}")
    item = next(item for item in discover([Root(path=folder, prefix="s/")]) if item.name == "late.pdf.meta.json")
    assert item.fetch is not None
    with pytest.raises(UnsupportedFormat, match=r"'late\.pdf'"):
        item.fetch()


def test_without_sidecars_they_are_documents(folder: Path) -> None:
    (folder / "a.md.meta.json").write_text("{}")
    items = discover([Root(path=folder, prefix="s/", sidecars=False)])
    assert [item.uri for item in items][:2] == ["s/a.md", "s/a.md.meta.json"]
    assert all(item.fetch is None for item in items)


def test_a_folder_that_is_left_out_is_not_entered(folder: Path) -> None:
    (folder / "policies" / "secret").mkdir(mode=0o000)
    assert "s/a.md" in _below(folder, exclude=("secret/",))


@given(
    st.sets(
        st.lists(st.sampled_from(["a", "b.md", "c d", "é", "[x]", "z.meta.json"]), min_size=1, max_size=3).map(
            "/".join
        ),
        max_size=8,
    ),
    st.sampled_from([("**",), ("*.md",), ("a/",), ("/b.md",), ("a/**", "*.md"), ("é",)]),
    st.sampled_from([(), ("a/",), ("*.md",), ("/a/b.md",)]),
)
def test_walking_finds_what_the_patterns_admit(
    paths: set[str], include: tuple[str, ...], exclude: tuple[str, ...]
) -> None:
    """The walk, which leaves whole folders out, agrees with each file taken alone."""
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            with contextlib.suppress(OSError):  # a file is where a folder should be, or the reverse
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("x")
        root = Root(path=Path(folder), prefix="s/", patterns=Patterns(include=include, exclude=exclude), sidecars=False)
        wanted = PathSpec.from_lines("gitignore", include)
        unwanted = PathSpec.from_lines("gitignore", exclude)
        files = [path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()]
        assert sorted(item.uri for item in discover([root])) == sorted(
            f"s/{path}" for path in files if wanted.match_file(path) and not unwanted.match_file(path)
        )
