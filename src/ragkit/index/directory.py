"""The live chunks of one collection in memory: where each stands, and its vector.

A search looks at a hundred chunks, and half of its time went to finding them in the database. A directory holds what
the catalog said at one sequence number of the collection; when that has risen, a new one is made, of what has changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.index.contents import Contents, Moment
from ragkit.index.rows import Place
from ragkit.index.sign_scan import Rows, SignScan

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["Directory", "Within"]

_SCOPES_BYTES = 32_000_000
"""Of the scopes that are remembered, those asked last: a tenth of 100,000 chunks takes 180 kB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Within:
    """What of a directory is in some scope.

    Attributes:
        documents: All that the directory has: ids and uris.
        numbers: Of those in scope, their places among them.
        rows: Of their chunks.
        inside: Of every row, whether it is one of these.
    """

    documents: Sequence[tuple[str, str]]
    numbers: NDArray[np.int32]
    rows: Rows
    inside: NDArray[np.bool_]

    @property
    def document_ids(self) -> tuple[str, ...]:
        """Of its documents."""
        return tuple(self.documents[number][0] for number in self.numbers.tolist())

    @property
    def bytes(self) -> int:
        return self.numbers.nbytes + self.rows.nbytes + self.inside.nbytes


class Directory:
    """Made by `begun`, and by `changed` of an older one; safe to share between threads, as nothing in it changes.

    Attributes:
        at: When the catalog said so.
    """

    def __init__(
        self,
        *,
        at: Moment,
        chunk_ids: Sequence[str],
        rows: Mapping[str, int],
        passage_keys: Sequence[bytes],
        numbers: NDArray[np.int32],
        live: NDArray[np.bool_],
        documents: Sequence[tuple[str, str]],
        scan: SignScan,
        begun_with: int,
    ) -> None:
        self.at = at
        self._chunk_ids = chunk_ids
        self._rows = rows
        self._passage_keys = passage_keys
        self._numbers = numbers
        self._live = live
        self._documents = documents
        self._scan = scan
        self._begun_with = begun_with
        self._siblings = np.bincount(numbers, minlength=len(documents)).tolist()
        self._everything = None if live.all() else np.flatnonzero(live)
        self._scopes: OrderedDict[Hashable, Within] = OrderedDict()
        self._remembering = Lock()

    @classmethod
    def begun(cls, contents: Contents) -> Directory:
        """Of all that a collection holds."""
        return cls(
            at=contents.at,
            chunk_ids=contents.chunk_ids,
            rows={key: row for row, key in enumerate(contents.chunk_ids)},
            passage_keys=contents.passage_keys,
            numbers=np.asarray(contents.numbers, np.int32),
            live=np.ones(len(contents.chunk_ids), np.bool_),
            documents=contents.documents,
            scan=SignScan.over(contents.matrix),
            begun_with=len(contents.documents),
        )

    def changed(self, contents: Contents) -> Directory:
        """With what has changed since this one was made; the chunks that are gone keep their rows."""
        gone = [n for n, (key, _) in enumerate(self._documents) if key in (contents.changed or ())]
        live = self._live & ~np.isin(self._numbers, gone)
        more = np.asarray(contents.numbers, np.int32) + np.int32(len(self._documents))
        new_rows = enumerate(contents.chunk_ids, start=len(self._chunk_ids))
        return Directory(
            at=contents.at,
            chunk_ids=[*self._chunk_ids, *contents.chunk_ids],
            rows={**self._rows, **{key: row for row, key in new_rows}},
            passage_keys=[*self._passage_keys, *contents.passage_keys],
            numbers=np.concatenate([self._numbers, more]),
            live=np.concatenate([live, np.ones(len(more), np.bool_)]),
            documents=[*self._documents, *contents.documents],
            scan=self._scan.extended(contents.matrix),
            begun_with=self._begun_with,
        )

    def __len__(self) -> int:
        return int(np.count_nonzero(self._live))

    @property
    def worn(self) -> bool:
        """Whether half of what it has gone through was not there at the beginning: it is time to begin anew."""
        return len(self._documents) > 2 * self._begun_with

    @property
    def bytes(self) -> int:
        """Of its vectors, which are nearly all of it."""
        return self._scan.matrix.nbytes

    def places(self, ids: Sequence[str], within: Within | None) -> dict[str, Place]:
        """Where those of the chunks stand that are live, and in scope."""
        return {self._chunk_ids[row]: self._place(row) for row in self._found(ids, within)}

    def vectors(self, ids: Sequence[str], within: Within | None) -> dict[str, Vector]:
        """The vectors of those of the chunks that are live, and in scope."""
        return {self._chunk_ids[row]: self._scan.matrix[row] for row in self._found(ids, within)}

    def passing(self, ids: Sequence[str], within: Within | None) -> set[str]:
        """Those of the chunks that are live, and in scope."""
        return {self._chunk_ids[row] for row in self._found(ids, within)}

    def nearest(self, vector: Vector, *, k: int, within: Within | None) -> list[tuple[str, float]]:
        """At most `k` pairs (chunk id, cosine), best first."""
        rows, scores = self._scan.search(vector, k=k, rows=self._everything if within is None else within.rows)
        return [(self._chunk_ids[row], score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)]

    def within(self, scope: Hashable, look_up: Callable[[], Sequence[str]]) -> Within:
        """What is in a scope.

        Args:
            scope: Tells it from others.
            look_up: Gives the ids of the documents in it.
        """
        with self._remembering:
            known = self._scopes.pop(scope, None)
        found = known or self._within(look_up())
        with self._remembering:
            self._scopes[scope] = found
            while len(self._scopes) > 1 and sum(one.bytes for one in self._scopes.values()) > _SCOPES_BYTES:
                self._scopes.popitem(last=False)
        return found

    def _within(self, document_ids: Sequence[str]) -> Within:
        wanted = set(document_ids)
        good = np.fromiter((key in wanted for key, _ in self._documents), np.bool_, len(self._documents))
        inside = good[self._numbers] & self._live
        rows = np.flatnonzero(inside)
        return Within(documents=self._documents, numbers=np.unique(self._numbers[rows]), rows=rows, inside=inside)

    def _found(self, ids: Sequence[str], within: Within | None) -> list[int]:
        rows = [row for key in ids if (row := self._rows.get(key)) is not None]
        inside = self._live if within is None else within.inside
        return [row for row in rows if inside[row]]

    def _place(self, row: int) -> Place:
        number = self._numbers[row]
        document_id, uri = self._documents[number]
        return Place(
            chunk_id=self._chunk_ids[row],
            document_id=document_id,
            uri=uri,
            passage_key=self._passage_keys[row],
            siblings=self._siblings[number],
        )
