"""Compares what is derived with the catalog, names every difference, and mends it on request.

Vectors and keywords that the catalog does not know are harmless (retrieval drops them) but take space; those that are
missing make a document hard to find. Both come from a crash at the wrong moment, and both are mended without the model.
A kept file that nothing refers to is removed; one that is missing can only be named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from ragkit.errors import StorageError
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections, Generation
from ragkit.protocols import KeywordEntry
from ragkit.store.embeddings import VectorCache
from ragkit.store.files import Files
from ragkit.types import Difference, VerifyReport

__all__ = ["Verifier"]


class Derived(Protocol):
    """A store that can be listed and rebuilt from the catalog."""

    def ids(self) -> set[str]: ...


class DerivedVectors(Derived, Protocol):
    """The vector store of a generation."""

    def rebuild(self) -> None: ...


class DerivedKeywords(Derived, Protocol):
    """The keyword index of a generation."""

    def rebuild(self, entries: Iterable[KeywordEntry]) -> None: ...


Stores = Callable[[Generation], tuple[DerivedVectors, DerivedKeywords]]


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """Compares every collection's vectors and keywords, and the kept files, with the catalog.

    Args:
        collections: The collections to compare.
        catalog: The truth.
        cache: The stored vectors, from which Chroma is rebuilt.
        files: The files that are kept: uploads, and what is in quarantine.
        stores: Opens the derived stores of a generation.
        purge: Finishes a deletion that was broken off.
        turn: Held while a generation is compared and mended: nothing is written to it meanwhile.
    """

    collections: Collections
    catalog: Catalog
    cache: VectorCache
    files: Files
    stores: Stores
    purge: Callable[[Generation], bool]
    turn: Callable[[Generation], AbstractContextManager[None]] = lambda generation: nullcontext()

    def verify(self, *, repair: bool) -> VerifyReport:
        """Name every difference, and on request rebuild or remove what differs."""
        started = time.monotonic()
        differences = list(_compare_files(self.catalog, self.files))
        repaired = _remove_unknown(self.catalog, self.files) if repair else 0
        listed = self.collections.list()
        for collection in listed:
            found, mended = self._generation(self.collections.get(collection.name), repair=repair)
            differences += found
            repaired += mended
        return VerifyReport(
            consistent=repaired == len(differences),
            documents=sum(collection.documents for collection in listed),
            chunks=sum(collection.chunks for collection in listed),
            differences=tuple(differences),
            repaired=repaired,
            seconds=round(time.monotonic() - started, 3),
        )

    def _generation(self, generation: Generation, *, repair: bool) -> tuple[list[Difference], int]:
        """What differs in one collection, and how much of it was repaired."""
        differences: list[Difference] = []
        repaired = 0
        if self.catalog.erasing(generation):
            detail = "Traces of deleted documents are still to be purged."
            differences.append(Difference(kind="erasure_pending", collection=generation.collection, detail=detail))
            repaired += repair and self.purge(generation)
        with self.turn(generation):
            found, mended = self._indexes(generation, repair=repair)
        return differences + found, repaired + mended

    def _indexes(self, generation: Generation, *, repair: bool) -> tuple[list[Difference], int]:
        repaired = 0
        live = self.catalog.live_chunks(generation)
        lost = self.cache.missing(list(live.values()))
        vectors, keywords = self.stores(generation)
        in_vectors = list(_compare("vectors", generation, set(live), vectors))
        in_keywords = list(_compare("keywords", generation, set(live), keywords))
        if repair and in_vectors:
            vectors.rebuild()
            repaired += len(in_vectors)
        if repair and in_keywords:
            keywords.rebuild(self.catalog.keyword_entries(generation))
            repaired += len(in_keywords)
        return [*_lost_vectors(generation, lost), *in_vectors, *in_keywords], repaired


def _remove_unknown(catalog: Catalog, files: Files) -> int:
    unknown = files.settled().difference(catalog.files())
    for sha256 in unknown:
        files.delete(sha256)
    return len(unknown)


def _compare_files(catalog: Catalog, files: Files) -> Iterator[Difference]:
    needed = catalog.files()
    for sha256 in sorted(files.missing(needed)):
        detail = f"The kept file {sha256[:12]!r}… of {needed[sha256]!r} is missing; upload or ingest it again."
        yield Difference(kind="file_missing", collection="", detail=detail)
    for sha256 in sorted(files.settled().difference(needed)):
        yield Difference(
            kind="file_unknown", collection="", detail=f"Nothing refers to the kept file {sha256[:12]!r}…."
        )


def _lost_vectors(generation: Generation, lost: set[bytes]) -> Iterator[Difference]:
    if lost:
        yield Difference(
            kind="stored_vectors_missing",
            collection=generation.collection,
            detail=f"{len(lost)} chunks have no stored vector; `ragkit reindex` embeds them again.",
        )


def _compare(part: str, generation: Generation, live: set[str], store: Derived) -> Iterator[Difference]:
    try:
        there = store.ids()
    except StorageError as error:
        yield Difference(kind=f"{part}_damaged", collection=generation.collection, detail=error.detail)
        return
    if missing := live - there:
        detail = f"{len(missing)} live chunks are not in the {part}, such as {min(missing)!r}."
        yield Difference(kind=f"{part}_missing", collection=generation.collection, detail=detail)
    if unknown := there - live:
        detail = f"{len(unknown)} entries of the {part} are of no live chunk, such as {min(unknown)!r}."
        yield Difference(kind=f"{part}_unknown", collection=generation.collection, detail=detail)
