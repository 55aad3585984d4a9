"""The documents and chunks of the catalog, as readers see them: live versions only.

Every id that Chroma or tantivy returns is joined to the live versions here, so what a crash leaves over in them can
never reach an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, func, select

from ragkit.errors import NotFound
from ragkit.history import Attempt, FilterVerdict
from ragkit.index.duplicates import NEAR_DUPLICATE, Edition, similarity
from ragkit.protocols import KeywordEntry
from ragkit.store.embeddings import decode
from ragkit.store.engine import Database
from ragkit.store.tables import attempts, bands, chunks, collections, documents, jobs, vectors, versions
from ragkit.types import Chunk, Document, DocumentState, DocumentView, Filters, Hit

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.protocols import Matrix, Vector

__all__ = ["Catalog"]

_BATCH = 500
_STREAM = 5_000


class Catalog:
    """Reads documents, chunks and stored vectors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents(self, *, collection: str | None = None, state: DocumentState | None = None) -> tuple[Document, ...]:
        """The documents that can answer, by uri; or those in one state, such as the ones that failed."""
        query = _documents().order_by(collections.c.name, documents.c.uri)
        query = query.where(documents.c.live_version_id.is_not(None) if state is None else documents.c.state == state)
        if collection is not None:
            query = query.where(collections.c.name == collection)
        with self._database.read() as connection:
            return tuple(_document(row) for row in connection.execute(query))

    def view(self, document_id: str, *, with_chunks: bool = False) -> DocumentView:
        """A document with its text.

        Raises:
            NotFound: No document has this id.
        """
        with self._database.read() as connection:
            query = _documents(versions.c.text, versions.c.warnings, versions.c.verdicts, versions.c.signature)
            row = connection.execute(query.where(documents.c.id == document_id)).one_or_none()
            if row is None:
                raise NotFound(f"There is no document {document_id!r}.", hint="`ragkit documents list` shows every id.")
            found: tuple[Chunk, ...] = ()
            if with_chunks:
                query = _chunks().where(documents.c.id == document_id).order_by(chunks.c.ordinal)
                found = tuple(_chunk(chunk) for chunk in connection.execute(query))
            tried = connection.execute(
                select(attempts).where(attempts.c.document_id == document_id).order_by(attempts.c.id.desc())
            ).all()
            alike = _near_duplicates(connection, row) if row.signature else ()
        return DocumentView(
            document=_document(row),
            text=row.text or "",
            chunks=found,
            warnings=tuple(row.warnings or ()),
            verdicts=tuple(FilterVerdict(**verdict) for verdict in row.verdicts or ()),
            attempts=tuple(_attempt(attempt) for attempt in tried),
            near_duplicates=alike,
        )

    def hits(self, generation: Generation, ids: Sequence[str]) -> dict[str, Hit]:
        """The live chunks among these ids; rank, score and origin are for the caller to fill in."""
        found: dict[str, Hit] = {}
        with self._database.read() as connection:
            for batch in _batches(ids):
                query = _chunks().where(documents.c.collection_id == generation.collection_id, chunks.c.id.in_(batch))
                found.update((row.id, _hit(row)) for row in connection.execute(query))
        return found

    def editions(self, document_ids: Sequence[str]) -> dict[str, Edition]:
        """What tells near-duplicates, and the newest of them, among these documents."""
        query = (
            select(documents.c.id, versions.c.signature, versions.c.metadata, versions.c.created_at)
            .join(versions, versions.c.id == documents.c.live_version_id)
            .where(versions.c.signature.is_not(None))
        )
        with self._database.read() as connection:
            return {
                row.id: Edition(signature=row.signature, date=_date(row.metadata), live_at=row.created_at)
                for batch in _batches(document_ids)
                for row in connection.execute(query.where(documents.c.id.in_(batch)))
            }

    def matching(self, generation: Generation, filters: Filters) -> tuple[str, ...]:
        """Ids of the live documents that pass the filters."""
        query = (
            select(documents.c.id)
            .join(versions, versions.c.id == documents.c.live_version_id)
            .where(documents.c.collection_id == generation.collection_id)
        )
        if filters.document_ids:
            query = query.where(documents.c.id.in_(filters.document_ids))
        if filters.uri_prefix:
            query = query.where(documents.c.uri.startswith(filters.uri_prefix, autoescape=True))
        if filters.media_types:
            query = query.where(versions.c.media_type.in_(filters.media_types))
        with self._database.read() as connection:
            return tuple(connection.scalars(query))

    def count(self, generation: Generation) -> int:
        """How many live chunks there are."""
        with self._database.read() as connection:
            return int(connection.execute(_live(select(func.count(chunks.c.id)), generation)).scalar_one())

    def live_chunks(self, generation: Generation) -> dict[str, bytes]:
        """Every live chunk id with the key of its vector."""
        query = _live(select(chunks.c.id, chunks.c.vector_key), generation)
        with self._database.read() as connection:
            return {row.id: row.vector_key for row in connection.execute(query)}

    def live_vectors(
        self, generation: Generation, *, document_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[list[str], Matrix]]:
        """Live chunk ids with their vectors, some thousands at a time; of some documents, or of all."""
        query = _live(select(chunks.c.id, vectors.c.value), generation).join(
            vectors, vectors.c.key == chunks.c.vector_key
        )
        selections = (
            [query]
            if document_ids is None
            else [query.where(documents.c.id.in_(batch)) for batch in _batches(document_ids)]
        )
        for selection in selections:
            with self._database.read() as connection:
                for rows in connection.execution_options(yield_per=_STREAM).execute(selection).partitions():
                    yield [row.id for row in rows], decode([row.value for row in rows], generation.spec.dimension)

    def chunk_vectors(self, generation: Generation, ids: Sequence[str]) -> dict[str, Vector]:
        """The stored vectors of the live chunks among these ids."""
        query = _live(select(chunks.c.id, vectors.c.value), generation).join(
            vectors, vectors.c.key == chunks.c.vector_key
        )
        with self._database.read() as connection:
            rows = [row for batch in _batches(ids) for row in connection.execute(query.where(chunks.c.id.in_(batch)))]
        matrix = decode([row.value for row in rows], generation.spec.dimension)
        return {row.id: vector for row, vector in zip(rows, matrix, strict=True)}

    def files(self) -> dict[str, str]:
        """SHA-256 of the files that must be kept, with the uri that each belongs to."""
        held = select(documents.c.held_sha256, documents.c.uri).where(documents.c.held_sha256.is_not(None))
        kept = select(versions.c.id).where(versions.c.sha256 == jobs.c.file_sha256)
        uploads = select(jobs.c.file_sha256, jobs.c.uri).where((jobs.c.state != "done") | kept.exists())
        with self._database.read() as connection:
            rows = [*connection.execute(held), *connection.execute(uploads)]
            return {sha256: uri for sha256, uri in rows if sha256}

    def erasing(self, generation: Generation) -> bool:
        """Whether something was deleted whose traces have not been purged yet."""
        query = select(collections.c.erasing).where(collections.c.id == generation.collection_id)
        with self._database.read() as connection:
            return bool(connection.execute(query).scalar())

    def keyword_entries(self, generation: Generation) -> Iterator[KeywordEntry]:
        """What the keyword index of this generation must hold."""
        query = _live(
            select(
                chunks.c.id.label("chunk_id"),
                documents.c.id.label("document_id"),
                versions.c.title,
                chunks.c.heading,
                chunks.c.text,
                func.coalesce(versions.c.metadata["language"].as_string(), "").label("language"),
            ),
            generation,
        )
        with self._database.read() as connection:
            for row in connection.execution_options(yield_per=_STREAM).execute(query):
                yield KeywordEntry(**row._mapping)


def _live(query: Select[Any], generation: Generation) -> Select[Any]:
    """Narrow a query over chunks to the live ones of a generation."""
    return (
        query.join_from(chunks, versions, versions.c.id == chunks.c.version_id)
        .join(documents, documents.c.live_version_id == versions.c.id)
        .where(documents.c.collection_id == generation.collection_id)
    )


def _near_duplicates(connection: Connection, row: Row[Any]) -> tuple[str, ...]:
    """Uris of the live documents of the same collection whose text is like that of one."""
    mine = select(bands.c.band).where(bands.c.version_id == row.live_version_id)
    query = (
        select(documents.c.uri, versions.c.signature)
        .join(versions, versions.c.id == documents.c.live_version_id)
        .where(documents.c.collection_id == row.collection_id, documents.c.id != row.id)
        .where(versions.c.id.in_(select(bands.c.version_id).where(bands.c.band.in_(mine))))
        .order_by(documents.c.uri)
    )
    rows = connection.execute(query)
    return tuple(other.uri for other in rows if similarity(row.signature, other.signature or b"") >= NEAR_DUPLICATE)


def _documents(*more: Any) -> Select[Any]:
    count = select(func.count()).where(chunks.c.version_id == versions.c.id).scalar_subquery()
    return (
        select(
            documents,
            collections.c.name.label("collection"),
            versions.c.sha256,
            versions.c.size,
            versions.c.title,
            versions.c.media_type,
            versions.c.pages,
            versions.c.metadata,
            count.label("chunks"),
            *more,
        )
        .join(collections, collections.c.id == documents.c.collection_id)
        .outerjoin(versions, versions.c.id == documents.c.live_version_id)
    )


def _chunks() -> Select[Any]:
    return select(chunks, documents.c.id.label("document_id"), documents.c.uri, versions.c.title).select_from(
        chunks.join(versions, versions.c.id == chunks.c.version_id).join(
            documents, documents.c.live_version_id == versions.c.id
        )
    )


def _document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        collection=row.collection,
        uri=row.uri,
        title=row.title or "",
        media_type=row.media_type or "",
        state=row.state,
        version=row.sha256,
        size=row.size or 0,
        pages=len(row.pages or ()),
        chunks=row.chunks,
        metadata=row.metadata or {},
        reason=row.reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
        parent_id=row.parent_id,
        access=tuple(row.access),
        seen_at=row.seen_at,
    )


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        version=row.sha256,
        parser=row.parser,
        chunker=row.chunker,
        steps=tuple((step, datetime.fromisoformat(at)) for step, at in row.steps),
        outcome=row.outcome,
        reason=row.reason,
    )


def _chunk(row: Row[Any]) -> Chunk:
    return Chunk(chunk_id=row.id, start=row.start, end=row.end, page=row.page, heading=row.heading, text=row.text)


def _hit(row: Row[Any]) -> Hit:
    return Hit(
        rank=0,
        score=0.0,
        via=(),
        document_id=row.document_id,
        uri=row.uri,
        title=row.title,
        page=row.page,
        heading=row.heading,
        chunk_id=row.id,
        start=row.start,
        end=row.end,
        text=row.text,
    )


def _date(metadata: Mapping[str, str]) -> str:
    return next((metadata[key] for key in ("date", "modified", "created") if metadata.get(key)), "")


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
