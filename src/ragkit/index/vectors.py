"""Vectors in Chroma, and how far Chroma can be trusted.

The vectors in the catalog are the truth; Chroma is an index over them that can break, vanish or fall behind. So a local
collection is probed with real queries before it is used, and a damaged one is made again from the catalog; so is all of
Chroma's data where even that fails. What is missing is filled in. Each of these is a line in the log, not an error.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ragkit.errors import RagkitError, StorageError
from ragkit.index.chroma import ANSWER_S, ChromaConnection, Session, connect

if TYPE_CHECKING:
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.models.Collection import Collection

    from ragkit.protocols import Matrix, Vector

__all__ = ["ChromaConnection", "ChromaVectors", "Refill", "connect"]

Refill = Callable[[], "Iterator[tuple[list[str], Matrix]]"]
"""Yields ids and vectors of all live chunks, in blocks, from the catalog."""

T = TypeVar("T")

_HNSW: CreateHNSWConfiguration = {"space": "cosine", "max_neighbors": 16, "ef_construction": 100, "ef_search": 300}
"""The candidates that are kept while the graph is walked decide what is missed: `benchmarks/search.py` measures it."""
_PROBES = 4
_SAME = 1e-3  # cosine distance within which a vector has found itself

# What is in doubt after a failure, in the order in which it is made again.
_NOTHING, _COLLECTION, _SERVER, _GIVE_UP = range(4)

_log = logging.getLogger(__name__)


class ChromaVectors:
    """One Chroma collection: the vectors of one generation of one of ours. Safe to share between threads.

    Args:
        connection: From `connect`; all collections share it.
        name: 3 to 512 of `[a-zA-Z0-9._-]`.
        dimension: Of each vector.
        refill: Where the vectors come from when Chroma has lost them.
        expected: How many live vectors the catalog has; a collection that opens with fewer is filled up. Without it,
            only an empty one is.

    Raises:
        StorageError: From every method: no server answers, or it fails even after a repair.
    """

    def __init__(
        self,
        connection: ChromaConnection,
        name: str,
        dimension: int,
        refill: Refill,
        *,
        expected: Callable[[], int] | None = None,
    ) -> None:
        self._connection = connection
        self._name = name
        self._dimension = dimension
        self._refill = refill
        self._expected = expected
        self._opened: tuple[Session, Collection] | None = None
        self._opening = threading.RLock()

    def upsert(self, ids: Sequence[str], vectors: Matrix) -> None:
        if vectors.shape != (len(ids), self._dimension):
            raise ValueError(
                f"shape {vectors.shape} is not that of {len(ids)} vectors with {self._dimension} dimensions"
            )
        rows = {key: row for row, key in enumerate(ids)}  # of a repeated id, the last row counts
        keys, chosen = list(rows), vectors[list(rows.values())]
        if keys:
            self._on_collection(lambda session, collection: _upsert(session, collection, keys, chosen))

    def delete(self, ids: Sequence[str]) -> None:
        """Unknown ids are ignored."""
        if ids:
            self._on_collection(lambda session, collection: _delete(session, collection, ids))

    def search(self, vector: Vector, *, k: int) -> list[tuple[str, float]]:
        """At most `k` pairs (id, cosine), best first."""
        if k <= 0:
            return []
        if self._connection.local:
            return self._on_collection(lambda session, collection: _asked(session, collection, vector, k))
        return self._on_collection(lambda _, collection: _nearest(collection, vector[np.newaxis], k)[0])

    def count(self) -> int:
        """How many vectors Chroma holds."""
        return self._on_collection(lambda _, collection: collection.count())

    def ids(self) -> set[str]:
        """Every id that Chroma holds."""
        return self._on_collection(lambda _, collection: _ids(collection))

    def rebuild(self) -> None:
        """Make the collection again from the catalog, and remove what the old one left on disk."""
        self._run(lambda session, _: self._remade(session))

    def drop(self) -> None:
        """Delete the collection and what it left on disk."""
        self._run(lambda session, _: self._delete_collection(session))
        self._connection.sweep()

    def _on_collection(self, work: Callable[[Session, Collection], T]) -> T:
        return self._run(lambda session, doubt: work(session, self._open(session, doubt)))

    def _run(self, work: Callable[[Session, int], T]) -> T:
        """Do it; after a failure again, on a new connection or with what is in doubt made again."""
        from chromadb.errors import NotFoundError
        from httpx import TransportError

        deadline, pause, doubt, losses = time.monotonic() + self._connection.within_s, 0.02, _NOTHING, 0
        lost: Session | None = None
        while True:
            session = self._connection.session(after=lost)
            try:
                return work(session, doubt)
            except RagkitError:
                raise
            except Exception as error:  # the client has no common class for what a server answers
                failure = error
            if not self._connection.is_current(session):
                pass  # another thread lost it, and closed it under this one
            elif isinstance(failure, TransportError):
                lost, losses = session, losses + 1
                doubt = max(doubt, losses - 1)  # the second time: perhaps the server breaks over what it reads
            elif not isinstance(failure, NotFoundError):  # not found: another process has made the collection again
                doubt += 1
            self._opened = None
            if doubt >= _GIVE_UP or time.monotonic() > deadline or (doubt and not self._connection.local):
                raise self._refused(failure) from failure
            if doubt == _SERVER:
                self._connection.discard(session)
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _open(self, session: Session, doubt: int) -> Collection:
        with self._opening:
            if self._opened is not None and self._opened[0] is session and not doubt:
                return self._opened[1]
            collection = self._collection(session)
            if self._connection.local and (doubt == _COLLECTION or _problem(collection)):
                collection = self._repaired(session, collection, doubt)
            self._fill(session, collection)
            self._opened = (session, collection)
            return collection

    def _repaired(self, session: Session, collection: Collection, doubt: int) -> Collection:
        with self._connection.repairing():
            problem = "it failed in use" if doubt else _problem(collection)
            if problem is None:  # it was another process's turn to repair, while this one waited
                return collection
            _log.warning("Collection %r in Chroma is damaged (%s); it is made again.", self._name, problem)
            return self._made_again(session)

    def _remade(self, session: Session) -> None:
        with self._opening, self._connection.repairing():
            self._opened = (session, self._made_again(session))

    def _made_again(self, session: Session) -> Collection:
        self._delete_collection(session)
        collection = self._collection(session)
        self._fill(session, collection)
        self._connection.sweep()
        return collection

    def _collection(self, session: Session) -> Collection:
        from chromadb.api.collection_configuration import CreateCollectionConfiguration

        return session.client.get_or_create_collection(
            self._name,
            embedding_function=None,
            configuration=CreateCollectionConfiguration(hnsw=_HNSW),
        )

    def _delete_collection(self, session: Session) -> None:
        from chromadb.errors import NotFoundError

        self._opened = None
        with contextlib.suppress(NotFoundError):
            session.client.delete_collection(self._name)

    def _fill(self, session: Session, collection: Collection) -> None:
        """Add the vectors that the catalog has and Chroma lacks.

        What Chroma has beyond the catalog may be about to go live, so it stays: retrieval ignores it, and `verify`
        removes it.
        """
        expected = self._expected() if self._expected else 1
        if collection.count() >= expected:
            return
        held, added = _ids(collection), 0
        for ids, vectors in self._refill():
            rows = [row for row, key in enumerate(ids) if key not in held]
            _upsert(session, collection, [ids[row] for row in rows], vectors[rows])
            added += len(rows)
        if added:
            _log.warning("Collection %r in Chroma lacked %d vectors; they were filled in.", self._name, added)

    def _refused(self, failure: Exception) -> StorageError:
        return StorageError(
            f"Chroma failed on the collection {self._name!r}: {failure}",
            hint="`ragkit verify --repair` makes it again from the catalog.",
        )


def _upsert(session: Session, collection: Collection, ids: Sequence[str], vectors: Matrix) -> None:
    for start in range(0, len(ids), session.batch):
        part = slice(start, start + session.batch)
        collection.upsert(ids=list(ids[part]), embeddings=np.asarray(vectors[part], np.float32))


def _delete(session: Session, collection: Collection, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), session.batch):
        collection.delete(ids=list(ids[start : start + session.batch]))


def _ids(collection: Collection) -> set[str]:
    return set(collection.get(include=[])["ids"])


def _asked(session: Session, collection: Collection, vector: Vector, k: int) -> list[tuple[str, float]]:
    """The nearest, asked of a local server itself: for its part the client computes half as long as the server.

    What goes wrong the client is left to meet, which has the exceptions for it.
    """
    import httpcore
    import orjson

    wanted = {"query_embeddings": [vector.astype(np.float32)], "n_results": k, "include": ["distances"]}
    lost = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.ConnectionNotAvailable)
    with contextlib.suppress(*lost, OSError):
        answer = session.pool.request(
            "POST",
            f"{session.url}/collections/{collection.id}/query",
            headers={"Content-Type": "application/json"},
            content=orjson.dumps(wanted, option=orjson.OPT_SERIALIZE_NUMPY),
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), ANSWER_S)},
        )
        if answer.status == HTTPStatus.OK:
            found = orjson.loads(answer.content)
            return [(key, 1.0 - distance) for key, distance in zip(found["ids"][0], found["distances"][0], strict=True)]
    return _nearest(collection, vector[np.newaxis], k)[0]


def _nearest(collection: Collection, vectors: Matrix, k: int) -> list[list[tuple[str, float]]]:
    found = collection.query(query_embeddings=np.asarray(vectors, np.float32), n_results=k, include=["distances"])
    distances = found["distances"] or []
    return [
        [(key, 1.0 - float(distance)) for key, distance in zip(keys, row, strict=True)]
        for keys, row in zip(found["ids"], distances, strict=True)
    ]


def _problem(collection: Collection) -> str | None:
    """What is wrong with it; none when stored vectors are found by searching for them."""
    from httpx import TransportError

    try:
        count = collection.count()
        step = max(count // _PROBES, 1)
        samples = [collection.get(limit=1, offset=at, include=["embeddings"]) for at in range(0, count, step)][:_PROBES]
        if not samples:
            return None
        vectors = np.concatenate([np.asarray(sample["embeddings"], np.float32) for sample in samples])
        hits = _nearest(collection, vectors, 1)
    except TransportError:
        raise
    except Exception as error:  # the client has no common class for what a server answers
        return str(error)
    # The index is approximate: one stray miss means nothing.
    missed = sum(not row or row[0][1] < 1 - _SAME for row in hits)
    return f"{missed} of {len(hits)} vectors are not found" if 2 * missed > len(hits) else None
