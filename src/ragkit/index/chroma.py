"""A connection to a Chroma server that is made again when the server is gone."""

from __future__ import annotations

import importlib.util
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from ragkit.errors import ConfigError, MissingExtra, RagkitError, StorageError
from ragkit.index.chroma_server import Address, LocalServer
from ragkit.store.locks import locked

if TYPE_CHECKING:
    import httpcore
    import httpx
    from chromadb.api.client import Client

__all__ = ["ANSWER_S", "ChromaConnection", "Session", "connect"]

ANSWER_S = 120.0
_REPAIR_S = 3600.0
_HEARTBEAT_S = 2.0
_BATCH = 2000


def connect(home: Path, url: str | None = None, *, within_s: float = 30.0) -> ChromaConnection:
    """A connection to the Chroma server of `home`, or to the one at `url`; nothing happens before its first use.

    Args:
        home: `RAGKIT_HOME`.
        url: `RAGKIT_CHROMA_URL`.
        within_s: How long to try before the server counts as unreachable.

    Raises:
        ConfigError: `url` is not an http address.
        MissingExtra: chromadb is not installed.
    """
    if importlib.util.find_spec("chromadb") is None:
        raise MissingExtra("The package 'chromadb' is not installed.", hint="pip install 'ragkit[server]'")
    parts = urlsplit(url) if url else None
    if parts is not None and (parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc):
        shown = "an address with a password" if "@" in parts.netloc else repr(url)
        raise ConfigError(f"RAGKIT_CHROMA_URL cannot be {shown}.", hint="Write it as http://host:port.")
    return ChromaConnection(home, parts, within_s)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Session:
    """A client, until its server is gone."""

    client: Client
    http: tuple[httpx.Client, ...]
    """What the client talks through, and leaves open when it is closed itself."""
    pool: httpcore.ConnectionPool
    """For requests that are too frequent for the client."""
    url: str
    """Of its database."""
    batch: int
    """Most entries in one request."""
    address: Address | None
    """Of a local server."""


class ChromaConnection:
    """Safe to share between threads; see `connect`."""

    def __init__(self, home: Path, remote: SplitResult | None, within_s: float) -> None:
        self._folder = home / "chroma"
        self._remote = remote
        self.within_s = within_s
        self._server = LocalServer(home) if remote is None else None
        self._session: Session | None = None
        self._changing = threading.Lock()

    @property
    def local(self) -> bool:
        """Whether the server is this home's own."""
        return self._server is not None

    def session(self, *, after: Session | None = None) -> Session:
        """The session in use; a new one where there is none, or where `after`, which was lost, still is.

        Raises:
            StorageError: No server answers.
        """
        with self._changing:
            if self._session is None or self._session is after:
                self._leave()
                self._session = self._new_session()
            return self._session

    def is_current(self, session: Session) -> bool:
        """Whether no other thread has given the session up."""
        return self._session is session

    def discard(self, session: Session) -> None:
        """Throw away what a damaged local server holds, unless another thread did."""
        with self._changing:
            if self._server is not None and session.address is not None and self._session is session:
                self._leave()
                self._server.discard(session.address)

    def repairing(self) -> AbstractContextManager[None]:
        """Lets one process at a time repair the collections of a local server."""
        if self._server is None:
            return nullcontext()
        return locked(self._folder / ".repair", wait_s=_REPAIR_S, what=f"the vectors in {str(self._folder)!r}")

    def sweep(self) -> None:
        """Remove what deleted collections left on a local server's disk."""
        if self._server is not None:
            self._server.sweep()

    def close(self) -> None:
        """Close the client, and end the server where it was started here."""
        with self._changing:
            self._leave()
            if self._server is not None:
                self._server.stop()

    def _leave(self) -> None:
        if self._session is not None:
            self._session.client.close()
            self._session.pool.close()
            for http in self._session.http:
                http.close()
            self._session = None

    def _new_session(self) -> Session:
        deadline, pause = time.monotonic() + self.within_s, 0.05
        while True:
            try:
                return self._try()
            except RagkitError:
                raise
            except Exception as error:  # the client raises whatever its parts raise
                if time.monotonic() > deadline:
                    raise self._unreachable(error) from error
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _try(self) -> Session:
        if self._server is not None:
            address = self._server.reach(within_s=self.within_s)
            return _session(self._server.host, address.port, ssl=False, address=address)
        assert self._remote is not None
        ssl = self._remote.scheme == "https"
        port = self._remote.port or (443 if ssl else 8000)
        return _session(self._remote.hostname or "", port, ssl=ssl, address=None)

    def check(self) -> None:
        """Ask a server elsewhere whether it is there; this home's own starts when it is needed.

        Raises:
            StorageError: It does not answer.
        """
        if self._remote is None:
            return
        import httpx

        try:
            beat = httpx.get(f"{self._remote.geturl().rstrip('/')}/api/v2/heartbeat", timeout=_HEARTBEAT_S)
            beat.raise_for_status()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> StorageError:
        if self._remote is None:
            return StorageError(
                f"The Chroma server of {str(self._folder)!r} breaks off: {error}.",
                hint=f"See {str(self._folder / 'server.log')!r}.",
            )
        return StorageError(
            f"RAGKIT_CHROMA_URL is {self._remote.geturl()!r}, and no Chroma server answers there: {error}",
            hint="Start that server, or unset RAGKIT_CHROMA_URL for a local one.",
        )


def _session(host: str, port: int, *, ssl: bool, address: Address | None) -> Session:
    import httpcore
    from chromadb.api.client import Client
    from chromadb.config import Settings

    settings = Settings(
        _env_file=None,  # leave the application's .env alone
        anonymized_telemetry=False,
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_otel_collection_endpoint="",
        chroma_server_host=host,
        chroma_server_http_port=port,
        chroma_server_ssl_enabled=ssl,
    )
    database = address.database if address else "default_database"
    client = Client(database=database, settings=settings)
    http = _http(client)
    for each in http:
        each.timeout = ANSWER_S  # it waits for ever otherwise, and has no setting for it
    url = f"http{'s' if ssl else ''}://{host}:{port}/api/v2/tenants/{client.tenant}/databases/{database}"
    batch = min(client.get_max_batch_size(), _BATCH)
    pool = httpcore.ConnectionPool()
    return Session(client=client, http=http, pool=pool, url=url, batch=batch, address=address)


def _http(client: Client) -> tuple[httpx.Client, ...]:
    """The two HTTP clients inside: its own and that of its helper for databases; there is no public way to them."""
    return client._server._session, client._admin_client._server._session  # type: ignore[attr-defined]
