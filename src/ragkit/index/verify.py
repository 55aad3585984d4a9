"""Compares what is derived with the catalog, names every difference, and mends it on request.

Vectors and keywords that the catalog does not know are harmless (retrieval drops them) but take space; those that are
missing make a document hard to find. Both come from a crash at the wrong moment, and both are mended without the model.
A kept file that nothing refers to is removed; one that is missing can only be named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ragkit.errors import StorageError
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections, Generation
from ragkit.protocols import KeywordEntry
from ragkit.store.embeddings import VectorCache
from ragkit.store.files import FileStore
from ragkit.types import Difference, VerifyReport

__all__ = ["verify"]


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


def verify(
    *,
    collections: Collections,
    catalog: Catalog,
    cache: VectorCache,
    files: FileStore,
    stores: Stores,
    purge: Callable[[Generation], bool],
    repair: bool,
) -> VerifyReport:
    """Compare every collection's vectors and keywords, and the kept files, with the catalog.

    Args:
        collections: The collections to compare.
        catalog: The truth.
        cache: The stored vectors, from which Chroma is rebuilt.
        files: The files that are kept: uploads, and what is in quarantine.
        stores: Opens the derived stores of a generation.
        purge: Finishes a deletion that was broken off.
        repair: Rebuild what differs.
    """
    started = time.monotonic()
    differences = list(_compare_files(catalog, files))
    documents = chunks = repaired = 0
    if repair:
        for unknown in files.settled().difference(catalog.files()):
            files.delete(unknown)
            repaired += 1
    for collection in collections.list():
        documents += collection.documents
        chunks += collection.chunks
        generation = collections.get(collection.name)
        if catalog.erasing(generation):
            detail = "Traces of deleted documents are still to be purged."
            differences.append(Difference(kind="erasure_pending", collection=collection.name, detail=detail))
            repaired += repair and purge(generation)
        live = catalog.live_chunks(generation)
        lost = cache.missing(list(live.values()))
        found = list(_lost_vectors(generation, lost))
        vectors, keywords = stores(generation)
        in_vectors = list(_compare("vectors", generation, set(live), vectors))
        in_keywords = list(_compare("keywords", generation, set(live), keywords))
        differences += found + in_vectors + in_keywords
        if repair and in_vectors and not lost:
            vectors.rebuild()
            repaired += len(in_vectors)
        if repair and in_keywords:
            keywords.rebuild(catalog.keyword_entries(generation))
            repaired += len(in_keywords)
    return VerifyReport(
        consistent=repaired == len(differences),
        documents=documents,
        chunks=chunks,
        differences=tuple(differences),
        repaired=repaired,
        seconds=round(time.monotonic() - started, 3),
    )


def _compare_files(catalog: Catalog, files: FileStore) -> Iterator[Difference]:
    needed = catalog.files()
    for sha256 in sorted(key for key in needed if not files.path(key).exists()):
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
            detail=f"{len(lost)} chunks have no stored vector; ingest their documents again.",
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
