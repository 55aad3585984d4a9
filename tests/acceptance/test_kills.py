"""Killed at any instant and run again, ragkit's stores are those of a run that nobody disturbed.

A sample; `python -m benchmarks.kills` does it two hundred times.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kills import Scene, play


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Scene:
    return Scene(tmp_path_factory.mktemp("kills"), seed=7, models=models)


@pytest.mark.parametrize("target", ["chunked", "indexed", "instant", "worker", "chroma", "parser"])
def test_what_a_kill_interrupts_is_complete_after_the_next_run(scene: Scene, target: str) -> None:
    played = play(scene, target, 1)
    assert played is not None
    assert (played.target, played.differences) == (target, [])
