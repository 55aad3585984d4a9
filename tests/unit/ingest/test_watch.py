from __future__ import annotations

import itertools
import resource
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import InputError, StorageError
from ragkit.ingest.patterns import Patterns
from ragkit.ingest.sources import Root
from ragkit.ingest.watch import PATIENCE, Settling, folder_changes, follow

Tick = tuple[Callable[[], object], Collection[str]]


class Watched:
    """A folder, what happens in it second by second, and the runs that follow from it."""

    def __init__(self, folder: Path, *, patterns: Patterns | None = None) -> None:
        self.folder = folder
        self.root = Root(path=folder, prefix="s/", patterns=patterns or Patterns())
        self.runs: list[int] = []
        self.now = 0
        self.broken: Exception | None = None

    def write(self, name: str, text: str = "x") -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def follow(self, *seconds: Callable[[], Collection[str]], then: int = 5) -> list[int]:
        """The seconds at which a run began, with a rest of one second asked for; the one at the start left out."""

        def changes() -> Iterator[Collection[str]]:
            for self.now, second in enumerate([list, *seconds, *[list] * then]):
                yield second()

        follow({"s": [self.root]}, self._run, changes=changes(), settle_s=1.0, clock=lambda: float(self.now))
        first, *others = self.runs
        assert first == 0
        return others

    def _run(self, name: str) -> None:
        assert name == "s"
        self.runs.append(self.now)
        if self.broken:
            raise self.broken


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_new_file_is_ingested_once_it_has_come_to_rest(watched: Watched) -> None:
    assert watched.follow(lambda: [watched.write("a.md")]) == [2]


def test_a_half_written_file_is_waited_for(watched: Watched) -> None:
    """Its size changes without a word from the file system, as on a network share."""
    path = watched.write("big.pdf", "1")
    runs = watched.follow(
        lambda: [path],
        lambda: watched.write("big.pdf", "12") and (),
        lambda: watched.write("big.pdf", "123") and (),
        list,
    )
    assert runs == [4]


def test_a_file_that_never_rests_delays_the_others_for_a_limited_time(watched: Watched) -> None:
    growing = [lambda n=n: [watched.write("log.txt", "x" * n)] for n in range(PATIENCE + 2)]
    assert watched.follow(lambda: [watched.write("a.md")], *growing, then=0) == [PATIENCE + 1]


def test_a_burst_of_5000_files_is_one_run(watched: Watched) -> None:
    batches = [lambda n=n: [watched.write(f"{n}/{i}.md") for i in range(500)] for n in range(10)]
    assert len(watched.follow(*batches)) == 1


def test_deleted_and_moved_files_lead_to_a_run(watched: Watched) -> None:
    path = Path(watched.write("a.md"))

    def move() -> list[str]:
        path.rename(path.with_name("b.md"))
        return [str(path), str(path.with_name("b.md"))]

    assert watched.follow(move) == [2]
    watched.runs.clear()
    assert watched.follow(lambda: [str(path.with_name("b.md").unlink() or path.with_name("b.md"))]) == [2]


def test_changes_after_a_run_lead_to_another(watched: Watched) -> None:
    assert watched.follow(
        lambda: [watched.write("a.md")], list, list, lambda: [watched.write("a.md", "more")]
    ) == [2, 5]  # fmt: skip


def test_hidden_and_excluded_files_lead_to_no_run(tmp_path: Path) -> None:
    watched = Watched(tmp_path, patterns=Patterns(include=("*.md",), exclude=("logs/",)))
    assert watched.follow(
        lambda: [watched.write(name) for name in (".a.md.swp", "~$a.md", "logs/a.md", "a.log", ".git/a.md")]
    ) == []  # fmt: skip


def test_a_change_of_a_sidecar_is_one_of_its_file(tmp_path: Path) -> None:
    markdown = Patterns(include=("*.md",))
    for name, runs in (("a.md", [2]), ("a.pdf", [])):
        watched = Watched(tmp_path, patterns=markdown)
        watched.write(name)
        sidecar = f"{name}.meta.json"
        assert watched.follow(lambda watched=watched, sidecar=sidecar: [watched.write(sidecar, "{}")]) == runs


def test_what_ragkit_writes_below_the_folder_leads_to_no_run(watched: Watched) -> None:
    watched.write("var/ragkit.db")
    assert watched.follow(lambda: [watched.write("var/files/ab/abcd"), str(watched.folder / "var")]) == []


def test_a_system_that_refuses_to_watch_is_named_with_what_to_raise(tmp_path: Path) -> None:
    import watchfiles  # noqa: F401  # now: nothing can be opened below

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(StorageError, match="refuses to follow") as caught:
            next(iter(folder_changes({"s": [Root(path=tmp_path, prefix="s/")]}, threading.Event())))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "max_user_watches" in (caught.value.hint or "")


@pytest.mark.parametrize("error", [StorageError("The disk is full."), ValueError("a mistake of ours")])
def test_an_error_of_one_run_does_not_end_the_watch(
    watched: Watched, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    watched.broken = error
    assert watched.follow(lambda: [watched.write("a.md")], list, list, lambda: [watched.write("b.md")]) == [2, 5]
    assert str(error) in caplog.text


def test_a_single_file_is_followed_without_its_neighbours(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.root = Root(path=Path(watched.write("a.md")), prefix="file:///a.md")
    assert watched.follow(lambda: [watched.write("b.md")]) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=40))
def test_whatever_happens_the_last_state_of_every_file_is_ingested(events: list[tuple[int, int]]) -> None:
    """(seconds since the event before, file): a run begins when all are at rest, after every change."""
    state: dict[str, int] = {}
    settling = Settling(settle_s=2.0, signature=lambda path: (state.get(path, 0), 0))
    ingested: dict[str, int] = {}
    now = 0
    for wait, number in [*events, (0, 0)]:
        for _ in range(wait):
            now += 1
            if settling.due(float(now)):
                ingested = dict(state)
        state[f"f{number}"] = state.get(f"f{number}", 0) + 1
        settling.note("s", f"f{number}", float(now))
    for later in itertools.count(now):
        if settling.due(float(later)):
            ingested = dict(state)
            break
        assert later - now <= 2
    assert ingested == state


def test_the_file_system_tells_what_is_created_changed_moved_and_deleted(tmp_path: Path) -> None:
    stop, seen = threading.Event(), set()
    steps = iter(
        [
            lambda: (tmp_path / "a.md").write_text("a"),
            lambda: (tmp_path / "sub").mkdir(),
            lambda: (tmp_path / "sub" / "b.md").write_text("b"),
            lambda: (tmp_path / "a.md").rename(tmp_path / "c.md"),
            lambda: (tmp_path / "c.md").unlink(),
        ]
    )
    expected = {"a.md", "sub", "sub/b.md", "c.md"}
    next_step = True
    for paths in folder_changes({"s": [Root(path=tmp_path, prefix="s/")]}, stop):
        seen |= {Path(path).relative_to(tmp_path).as_posix() for path in paths}
        if paths or next_step:
            next_step = False
            if (step := next(steps, None)) is not None:
                step()
            elif seen >= expected:
                stop.set()
    assert seen >= expected


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there"):
        next(iter(folder_changes({"s": [Root(path=tmp_path / "unmounted", prefix="s/")]}, threading.Event())))
