from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragkit.errors import InputError
from ragkit.ingest.sources import Root, discover, roots_of


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
    return [item.uri for item in discover([Root(path=root, prefix="s/", **kwargs)])]


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
