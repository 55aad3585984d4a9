"""Kills ragkit while it ingests (kill -9), runs it again, and compares the stores with those of an undisturbed run.

A round starts from a copy of the same state: a corpus that was ingested, and has changed since (some documents new,
some edited, one moved, one removed). Killed are the command itself, when a document has reached a named state of the
ledger or at a random instant; a parser process; Chroma's server; and the worker, while it ingests uploads. In every
second round the command prunes: where it does not, nothing makes the indexes anew, and what is retired goes by itself.

python -m benchmarks.kills [--count 200]
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contents import Contents, contents, differences
from benchmarks.corpora import change_reports, write_reports
from benchmarks.harness import BIN, environment, new_home, record, spread
from benchmarks.moments import STATES, TARGETS, kill, moment

__all__ = ["Round", "Scene", "plan", "play"]

GIVE_UP_S = 120.0
TRIES = 5
Command = tuple[str | Path, ...]
Finished = Callable[[Path], bool]
"""Whether a command that never ends by itself has done its work on this home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One kill and what came of it."""

    target: str
    after_s: float
    seconds: float
    healed: int
    differences: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """A state that a round starts from, the command that goes on from there, and where an undisturbed one arrives."""

    start: Path
    command: Command
    finished: Finished | None
    expected: Contents
    seconds: float


class Scene:
    """The corpus, the states before and after it changed, and how long an undisturbed run takes.

    Args:
        scratch: An empty folder.
        seed: Of the texts and of every instant that is drawn.
        models: A folder of converted models; one of this process's own by default.
    """

    def __init__(self, scratch: Path, *, seed: int, models: Path | None = None) -> None:
        self._scratch = scratch
        self._files = scratch / "files"
        self._seed = seed
        write_reports(self._files, seed)
        before = new_home(scratch / "before", models)
        ingest = (BIN / "ragkit", "ingest", self._files, "--json")
        _run(ingest, before)
        queued = _copied(before, scratch / "queued")
        change_reports(self._files, seed)
        _upload(queued, self._files)
        self._begin: dict[str, Callable[[], _Course]] = {
            "ingest": lambda: self._course("ingest", before, ingest, None),
            "prune": lambda: self._course("prune", before, (*ingest, "--prune"), None),
            "worker": lambda: self._course("worker", queued, (BIN / "ragkit", "worker"), _jobs_ended),
        }
        self._courses: dict[str, _Course] = {}

    def play(self, target: str, number: int, attempt: int = 0) -> Round | None:
        """Kill once, the sooner the later the attempt; none when the target was gone before it could be killed."""
        rng = random.Random(f"{self._seed} {target} {number} {attempt}")
        name = "worker" if target == "worker" else ("prune", "ingest")[number % 2]
        if name not in self._courses:
            self._courses[name] = self._begin[name]()
        course = self._courses[name]
        home = _copied(course.start, self._scratch / f"{target}-{number}")
        share = 0.25**attempt if attempt < TRIES - 1 else 0.0  # the last one cannot come too late
        started = time.perf_counter()
        process = _started(course.command, home)
        try:
            pid = moment(target, process, home, share * rng.uniform(0.05, course.seconds), share * rng.uniform(0, 0.02))
            after_s = time.perf_counter() - started
            if pid is None or not kill(pid):
                return None
            _wait(process, course.finished, home)
        finally:
            _end(process)
        _to_the_end(course.command, course.finished, home)
        found = contents(home)
        seconds = time.perf_counter() - started
        said = differences(found, course.expected)
        if not said:
            shutil.rmtree(home)
        return Round(
            target=target, after_s=round(after_s, 3), seconds=round(seconds, 2), healed=found.healed, differences=said
        )

    def _course(self, name: str, start: Path, command: Command, finished: Finished | None) -> _Course:
        home = _copied(start, self._scratch / f"{name}-undisturbed")
        started = time.perf_counter()
        _to_the_end(command, finished, home)
        seconds = time.perf_counter() - started
        return _Course(start=start, command=command, finished=finished, expected=contents(home), seconds=seconds)


def play(scene: Scene, target: str, number: int) -> Round | None:
    """Kill once, trying again where the target was missed; none when it was missed every time."""
    for attempt in range(TRIES):
        if (played := scene.play(target, number, attempt)) is not None:
            return played
    return None


def _started(command: Command, home: Path) -> subprocess.Popen[bytes]:
    with (home / "run.log").open("ab") as log:
        return subprocess.Popen([str(part) for part in command], env=environment(home), stdout=log, stderr=log)


def _to_the_end(command: Command, finished: Finished | None, home: Path) -> None:
    if finished is None:
        _run(command, home)
        return
    process = _started(command, home)
    try:
        _wait(process, finished, home)
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], finished: Finished | None, home: Path) -> None:
    """Until it has ended, or done its work."""
    deadline = time.monotonic() + GIVE_UP_S
    while process.poll() is None and not (finished is not None and finished(home)):
        if time.monotonic() > deadline:
            raise SystemExit(f"{process.args!r} did not end within {GIVE_UP_S:.0f} s; see {str(home / 'run.log')!r}")
        time.sleep(0.01)


def _run(command: Command, home: Path) -> None:
    done = subprocess.run([str(part) for part in command], env=environment(home), capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} exited {done.returncode} on {home}:\n{done.stderr.decode()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(GIVE_UP_S)


def _jobs_ended(home: Path) -> bool:
    with closing(sqlite3.connect(f"file:{home / 'ragkit.db'}?mode=ro", uri=True)) as catalog:
        left = catalog.execute("SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')").fetchone()
    return bool(left[0] == 0)


def _copied(start: Path, home: Path) -> Path:
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(start, home, symlinks=True, ignore=shutil.ignore_patterns("server.json", "run.log"))
    return home


def _upload(home: Path, files: Path) -> None:
    """Queue every second file as an upload, for the worker to ingest beside what is there."""
    from ragkit import Ragkit
    from ragkit.settings import load

    with Ragkit.open(load(home=home)) as kit:
        for file in sorted(files.rglob("*.md"))[::2]:
            kit.documents.upload(file.name, file.read_bytes())


def plan(count: int) -> list[str]:
    """What to kill in each round: every state equally often, as often as that each other target."""
    targets = (*STATES, *TARGETS, "instant", "worker")
    return [targets[number % len(targets)] for number in range(count)]


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="kills in all")
    parser.add_argument("--only", choices=(*STATES, *TARGETS), help="kill this one every time")
    parser.add_argument("--first", type=int, default=0, help="go on with a series that broke off at this number")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    targets = [given.only] * given.count if given.only else plan(given.first + given.count)[given.first :]
    scratch = Path(tempfile.mkdtemp(prefix="ragkit-kills-"))
    scene = Scene(scratch, seed=given.seed)
    rounds: list[Round] = []
    missed: Counter[str] = Counter()
    for number, target in enumerate(targets, start=given.first):
        if (one := play(scene, target, number)) is None:
            missed[target] += 1
            continue
        rounds.append(one)
        print(f"{len(rounds)}/{given.count} {target}: {one.differences or 'equal'}", flush=True)
    wrong = [one for one in rounds if one.differences]
    results = {
        "rounds": len(rounds),
        "equal": len(rounds) - len(wrong),
        "missed": dict(missed),
        "killed": dict(Counter(one.target for one in rounds)),
        "chroma_healed_on_opening": sum(bool(one.healed) for one in rounds),
        "seconds_a_round": spread([one.seconds for one in rounds]),
        "wrong": [{"target": one.target, "after_s": one.after_s, "differences": one.differences[:5]} for one in wrong],
    }
    record("kills", parameters={"count": given.count, "first": given.first, "seed": given.seed}, results=results)
    if wrong:
        raise SystemExit(f"What the wrong rounds left is kept in {str(scratch)!r}.")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
