"""The Chroma server of one `RAGKIT_HOME`: exactly one process, started by whoever needs it first.

Chroma's files belong to one server, and nothing in Chroma keeps a second one out. So the server holds a lock on
`chroma/.lock` for as long as it lives: it inherits the descriptor from the process that took the lock and started it.
Where the lock is held, the address stands in `chroma/server.json`. The server ends with its parent; then the lock is
free, and the next process that misses the server starts another.

Run as a program, this module is the child: it ties its life to its parent's and becomes `chroma run`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

from ragkit.errors import StorageError
from ragkit.store.locks import try_lock

__all__ = ["Address", "LocalServer"]

_HOST = "127.0.0.1"
_START_S, _SILENT_S = 30.0, 300.0
"""How long a server may answer with errors, and how long it may say nothing, which a busy machine has it do as well."""
_STOP_S = 20.0
_ANSWER_S = 5.0
_POLL_S = 0.02
_FILE_BYTES = 64 << 30  # a damaged index can make Chroma write without end; a full disk would take all else down
_DATABASES = "/api/v2/tenants/default_tenant/databases"

_log = logging.getLogger("ragkit.index.vectors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the server listens, and what proves that it is the one of this home."""

    port: int
    database: str
    """Made up when the data folder was: another home's server does not know it."""
    pid: int


class LocalServer:
    """Finds or starts the server of `home` (`RAGKIT_HOME`); its folder is `chroma` there."""

    host = _HOST

    def __init__(self, home: Path) -> None:
        self._folder = home.resolve() / "chroma"
        self._data = self._folder / "data"
        self._record = self._folder / "server.json"
        self._child: subprocess.Popen[bytes] | None = None

    def reach(self, *, within_s: float) -> Address:
        """The address of a server that answers.

        Raises:
            StorageError: None did in time, or none can be started.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + within_s
        while True:
            held = try_lock(self._folder / ".lock")
            if held is not None:
                try:
                    return self._start(held)
                finally:
                    os.close(held)  # the child keeps its copy, and with it the lock
            address = self._recorded()
            if address is not None and _knows(address.port, address.database):
                return address
            if time.monotonic() > deadline:
                raise StorageError(
                    f"The Chroma server of {str(self._folder)!r} did not answer within {within_s:.0f} s.",
                    hint=f"See {str(self._folder / 'server.log')!r}; end the process that holds "
                    f"{str(self._folder / '.lock')!r}, another server starts by itself.",
                )
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End the server, where this object started it; other processes that need it start another."""
        if self._child is not None:
            _end(self._child)
            self._child = None

    def discard(self, address: Address) -> None:
        """End the server at `address`, whoever started it, and throw its data away, unless that was done already."""
        if self._child is not None:
            self.stop()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(address.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while (held := try_lock(self._folder / ".lock")) is None:
            if time.monotonic() > deadline:
                return  # another process has started a server again; what it holds is looked at next
            time.sleep(_POLL_S)
        try:
            if self._database() == address.database:
                self._throw_away()
        finally:
            os.close(held)

    def sweep(self) -> None:
        """Remove folders of deleted collections, which Chroma leaves on disk."""
        try:
            # The folders first: what another process makes meanwhile is not among them.
            folders = {folder.name for folder in self._data.iterdir() if folder.is_dir() and _is_uuid(folder.name)}
            with closing(sqlite3.connect(f"file:{self._data / 'chroma.sqlite3'}?mode=ro", uri=True)) as database:
                known = {str(row[0]) for row in database.execute("SELECT id FROM segments")}
        except (sqlite3.Error, OSError):
            return  # no data yet, or damaged: the server finds out
        for name in folders - known:
            shutil.rmtree(self._data / name, ignore_errors=True)

    def _start(self, lock: int) -> Address:
        self._record.unlink(missing_ok=True)
        for fresh in (False, True):
            if fresh:
                _log.warning("Chroma does not start on %r; its data is thrown away and made again.", str(self._data))
                self._throw_away()
            database = self._database()
            self.sweep()
            if (address := self._spawn(lock, database)) is not None:
                self._note(address)
                return address
        raise StorageError(
            f"The Chroma server of {str(self._folder)!r} does not start.",
            hint=f"See {str(self._folder / 'server.log')!r}, and whether the disk is full.",
        )

    def _spawn(self, lock: int, database: str) -> Address | None:
        """A running server that knows the database; none if it failed."""
        for _ in range(3):
            port = _free_port()
            self._child = _child(self._folder, self._data, port, lock)
            deadline, answered = time.monotonic() + _SILENT_S, False
            while self._child.poll() is None and time.monotonic() < deadline:
                if _knows(port, database) or _create(port, database):
                    return Address(port=port, database=database, pid=self._child.pid)
                if not answered and _request(port, "GET", "/api/v2/heartbeat", None):
                    deadline, answered = time.monotonic() + _START_S, True
                time.sleep(_POLL_S)
            _end(self._child)
            self._child = None
            if b"in use" not in (self._folder / "server.log").read_bytes()[-4096:]:
                return None
        return None

    def _recorded(self) -> Address | None:
        try:
            return Address(**json.loads(self._record.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _note(self, address: Address) -> None:
        _write(self._record, json.dumps(asdict(address)))

    def _database(self) -> str:
        self._data.mkdir(parents=True, exist_ok=True)
        file = self._data / "ragkit-database"
        if not file.exists():
            _write(file, f"ragkit-{uuid.uuid4().hex}")
        return file.read_text(encoding="utf-8")

    def _throw_away(self) -> None:
        if self._data.exists():
            self._data.rename(self._folder / f"damaged-{uuid.uuid4().hex}")
        # All of it can be made again, and it may hold vectors of documents that have been erased since.
        for aside in self._folder.glob("damaged-*"):
            shutil.rmtree(aside, ignore_errors=True)


def _child(folder: Path, data: Path, port: int, lock: int) -> subprocess.Popen[bytes]:
    """Start the server from a thread that ends after it.

    Linux sends the parent-death signal when the *thread* that forked ends, not the process.
    """
    started: SimpleQueue[subprocess.Popen[bytes] | OSError] = SimpleQueue()
    command = [sys.executable, "-P", "-m", __name__, str(data), str(port), str(os.getpid())]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CHROMA_", "OTEL_"))}

    def run() -> None:
        try:
            with (folder / "server.log").open("wb") as log:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,  # closed when this process ends, which the child watches
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                    env={**environment, "RUST_LOG": "error", "ANONYMIZED_TELEMETRY": "False"},
                    pass_fds=(lock,),
                    process_group=0,  # Ctrl-C is for this process, which may still need the server
                )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()

    threading.Thread(target=run, name="ragkit-chroma", daemon=True).start()
    result = started.get()
    if isinstance(result, OSError):
        raise StorageError(f"The Chroma server cannot be started: {result}.") from result
    return result


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _knows(port: int, database: str) -> bool:
    return _request(port, "GET", f"{_DATABASES}/{database}", None) == 200


def _create(port: int, database: str) -> bool:
    return _request(port, "POST", _DATABASES, json.dumps({"name": database})) == 200


def _request(port: int, method: str, path: str, body: str | None) -> int:
    """The status of the reply; 0 when there is none."""
    with closing(http.client.HTTPConnection(_HOST, port, timeout=_ANSWER_S)) as connection:
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def _write(file: Path, text: str) -> None:
    """Put it there in one step, for readers in other processes."""
    beside = file.with_suffix(f".{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _is_uuid(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _serve(data: str, port: str, parent: int) -> None:
    """Become the server; what this process inherited holds the lock until it ends."""
    import ctypes
    import resource

    import chromadb_rust_bindings  # type: ignore[import-untyped]

    if sys.platform == "linux":
        die_with_parent = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(die_with_parent, signal.SIGTERM)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if os.getppid() != parent:  # it ended before either watch stood
        return
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = _FILE_BYTES if hard == resource.RLIM_INFINITY else min(_FILE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    chromadb_rust_bindings.cli(["chroma", "run", "--path", data, "--host", _HOST, "--port", port])


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
