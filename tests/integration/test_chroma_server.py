"""One Chroma server for all processes of a home, whatever ends, crashes or rots."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ragkit.errors import ConfigError, StorageError
from ragkit.index.chroma_server import LocalServer
from ragkit.index.vectors import ChromaConnection, ChromaVectors, connect
from ragkit.store.locks import try_lock

if TYPE_CHECKING:
    from ragkit.protocols import Matrix

DIMENSION = 16
PROCESS = Path(__file__).with_name("chroma_process.py")
WAIT_S = 120.0


def unit_rows(count: int) -> Matrix:
    rows = np.random.default_rng(0).normal(size=(count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


ROWS = unit_rows(4000)
IDS = [f"chk_{number}" for number in range(len(ROWS))]


def catalog() -> Iterator[tuple[list[str], Matrix]]:
    """What the catalog would hand over, in blocks."""
    for start in range(0, len(IDS), 1500):
        yield IDS[start : start + 1500], ROWS[start : start + 1500]


class Other:
    """Another process that uses the same home."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROCESS), str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, do: str, **values: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def upsert(self, key: str, vector: Any) -> None:
        self.ask("upsert", id=key, vector=vector.tolist())

    def search(self, vector: Any) -> list[str]:
        return [key for key, _ in self.ask("search", vector=vector.tolist())]

    def end(self, number: signal.Signals | None = None) -> None:
        if number is not None:
            self.process.send_signal(number)
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(WAIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def other(home: Path) -> Iterator[Other]:
    other = Other(home)
    yield other
    other.end(signal.SIGKILL)


@pytest.fixture
def connection(home: Path) -> Iterator[ChromaConnection]:
    connection = connect(home)
    yield connection
    connection.close()


@pytest.fixture
def shared(connection: ChromaConnection) -> ChromaVectors:
    return ChromaVectors(connection, "shared", DIMENSION, lambda: iter(()))


def full(connection: ChromaConnection) -> ChromaVectors:
    return ChromaVectors(connection, "full", DIMENSION, catalog, expected=lambda: len(IDS))


def server_pid(home: Path) -> int:
    return int(json.loads((home / "chroma" / "server.json").read_text())["pid"])


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def is_free(lock: Path) -> bool:
    """Whether nobody holds it: the threads of a process may end after its first one, and hold it until then."""
    descriptor = try_lock(lock)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def names(found: list[tuple[str, float]]) -> list[str]:
    return [key for key, _ in found]


def test_two_processes_see_each_others_writes_at_once(shared: ChromaVectors, other: Other) -> None:
    shared.upsert(["mine"], ROWS[:1])
    other.upsert("theirs", ROWS[1])

    assert names(shared.search(ROWS[1], k=1)) == ["theirs"]
    assert other.search(ROWS[0])[0] == "mine"


def test_when_the_process_with_the_server_ends_another_takes_over(
    home: Path, shared: ChromaVectors, other: Other
) -> None:
    other.upsert("theirs", ROWS[0])
    assert names(shared.search(ROWS[0], k=1)) == ["theirs"]
    before = server_pid(home)

    other.end()

    assert names(shared.search(ROWS[0], k=1)) == ["theirs"]
    assert server_pid(home) != before


def test_a_killed_server_is_replaced(home: Path, shared: ChromaVectors, other: Other) -> None:
    shared.upsert(["mine"], ROWS[:1])
    assert other.search(ROWS[0]) == ["mine"]

    os.kill(server_pid(home), signal.SIGKILL)

    assert names(shared.search(ROWS[0], k=1)) == ["mine"]
    assert other.search(ROWS[0]) == ["mine"]


def test_no_server_outlives_a_killed_process(home: Path, other: Other) -> None:
    other.upsert("theirs", ROWS[0])
    pid = server_pid(home)
    assert is_running(pid)

    other.end(signal.SIGKILL)

    until(lambda: not is_running(pid))
    until(lambda: is_free(home / "chroma" / ".lock"))


def test_many_processes_starting_together_share_one_server(home: Path) -> None:
    others = [Other(home) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda n: others[n].upsert(f"chk_{n}", ROWS[n]), range(4)))
        for other in others:
            assert [other.search(ROWS[n])[0] for n in range(4)] == IDS[:4]
    finally:
        for other in others:
            other.end(signal.SIGKILL)


def test_threads_share_a_connection_through_a_lost_server(home: Path, connection: ChromaConnection) -> None:
    vectors = full(connection)
    vectors.count()

    def search(number: int) -> list[str]:
        if number == 20:
            os.kill(server_pid(home), signal.SIGKILL)
        return names(vectors.search(ROWS[number], k=1))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(search, range(100))) == [[key] for key in IDS[:100]]


def test_a_collection_that_lacks_vectors_is_filled_up(
    connection: ChromaConnection, caplog: pytest.LogCaptureFixture
) -> None:
    vectors = full(connection)
    assert vectors.count() == len(IDS)
    vectors.delete(IDS[100:200])
    vectors.upsert(["not live yet"], ROWS[:1])
    caplog.clear()

    again = full(connection)

    assert again.ids() == {*IDS, "not live yet"}
    assert "lacked 100 vectors" in caplog.text


def test_a_rebuilt_collection_holds_what_the_catalog_holds(connection: ChromaConnection) -> None:
    vectors = full(connection)
    elsewhere = full(connection)
    vectors.upsert(["left over"], ROWS[:1])
    assert "left over" in elsewhere.ids()

    vectors.rebuild()

    assert vectors.ids() == set(IDS)
    assert names(elsewhere.search(ROWS[5], k=1)) == [IDS[5]]


def test_nothing_of_a_dropped_collection_stays_on_disk(home: Path, connection: ChromaConnection) -> None:
    vectors = full(connection)
    vectors.count()
    data = home / "chroma" / "data"
    until(lambda: any(data.glob("*/data_level0.bin")))

    vectors.drop()

    assert [path for path in data.iterdir() if path.is_dir()] == []


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def garble(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, path.stat().st_size, np.uint8)
    path.write_bytes(noise.tobytes())


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("data_level0.bin", truncate),
        ("data_level0.bin", garble),
        ("header.bin", garble),
        ("length.bin", remove),
        ("link_lists.bin", truncate),
        ("link_lists.bin", garble),
        ("index_metadata.pickle", garble),
        ("chroma.sqlite3", truncate),
        ("chroma.sqlite3", garble),
        ("chroma.sqlite3", remove),
    ],
)
def test_damaged_files_are_made_again(
    home: Path, name: str, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    data = home / "chroma" / "data"
    first = connect(home)
    full(first).count()
    until(lambda: any(data.glob("*/index_metadata.pickle")))
    first.close()
    for path in data.rglob(name):
        damage(path)
    caplog.set_level(logging.WARNING, "ragkit.index.vectors")

    second = connect(home)
    try:
        vectors = full(second)
        missed = [
            number for number in range(0, len(IDS), 50) if names(vectors.search(ROWS[number], k=1)) != [IDS[number]]
        ]
        assert len(missed) <= 1  # the index is approximate
        assert vectors.ids() == set(IDS)
    finally:
        second.close()


def test_the_server_of_another_home_is_not_taken_for_this_ones(tmp_path: Path, home: Path) -> None:
    there, here = tmp_path / "there", home
    foreign = LocalServer(there)
    address = foreign.reach(within_s=WAIT_S)
    (here / "chroma").mkdir()
    (here / "chroma" / "server.json").write_text(json.dumps({"port": address.port, "database": "x", "pid": 1}))
    held = try_lock(here / "chroma" / ".lock")
    assert held is not None
    try:
        with pytest.raises(StorageError, match="did not answer"):
            LocalServer(here).reach(within_s=0.2)
    finally:
        os.close(held)
        foreign.stop()


def test_a_server_elsewhere_is_used_and_filled(home: Path, tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "elsewhere")
    connection = connect(home, f"http://127.0.0.1:{server.reach(within_s=WAIT_S).port}")
    try:
        assert names(full(connection).search(ROWS[9], k=1)) == [IDS[9]]
        assert not (home / "chroma").exists()
    finally:
        connection.close()
        server.stop()


def test_a_server_elsewhere_that_does_not_answer_is_named(home: Path) -> None:
    connection = connect(home, "http://127.0.0.1:9", within_s=0.1)

    with pytest.raises(StorageError, match=r"'http://127\.0\.0\.1:9'") as caught:
        full(connection).count()

    assert "RAGKIT_CHROMA_URL" in (caught.value.hint or "")


def test_whether_a_server_elsewhere_is_there_can_be_asked(home: Path) -> None:
    connect(home).check()
    with pytest.raises(StorageError, match=r"'http://127\.0\.0\.1:9'"):
        connect(home, "http://127.0.0.1:9").check()


def test_a_password_in_the_address_is_not_repeated(home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        connect(home, "https://user:secret@chroma.example")
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://"])
def test_an_address_that_is_none_is_refused(home: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="RAGKIT_CHROMA_URL"):
        connect(home, url)
