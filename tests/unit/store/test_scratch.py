from __future__ import annotations

from pathlib import Path

from ragkit.store.scratch import scratch_folder, sweep


def test_the_folder_is_gone_after_the_block(home: Path) -> None:
    with scratch_folder(home) as folder:
        (folder / "page.html").write_text("text")
    assert list(home.glob("fetched-*")) == []


def test_what_a_killed_run_left_is_removed_and_what_is_in_use_stays(home: Path) -> None:
    dead = home / "fetched-dead"
    dead.mkdir()
    (dead / "page.html").write_text("text")
    (home / "fetched-dead.lock").touch()
    with scratch_folder(home) as mine:
        sweep(home)
        assert {path.name for path in home.glob("fetched-*")} == {mine.name, f"{mine.name}.lock"}
