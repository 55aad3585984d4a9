"""The documents and chunks of the catalog, as readers see them: live versions only.

Every id that Chroma or tantivy returns is joined to the live versions here, so what a crash leaves over in them can
never reach an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select

from ragkit.errors import NotFound
from ragkit.history import FilterVerdict
from ragkit.index.contents import Contents, Moment, read_contents
from ragkit.index.duplicates import NEAR_DUPLICATE, Edition, similarity
from ragkit.index.rows import (
    ByIds,
    Place,
    newest,
    of_generation,
    select_chunks,
    select_documents,
    siblings,
    to_attempt,
    to_chunk,
    to_document,
    to_hit,
)
from ragkit.index.scope import EVERYTHING, Scope, conditions, date_of, seen
from ragkit.protocols import KeywordEntry
from ragkit.store.batches import batches
from ragkit.store.embeddings import decode
from ragkit.store.engine import Database
from ragkit.store.tables import attempts, bands, chunks, collections, documents, jobs, vectors, versions
from ragkit.types import Chunk, Document, DocumentState, DocumentView, Hit

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.protocols import Matrix, Vector

__all__ = ["Catalog"]

_STREAM = 5_000

_IDS = ByIds(select(chunks.c.id))
_HITS = ByIds(select(chunks, documents.c.id.label("document_id"), documents.c.uri, versions.c.title))
_PLACE = select(chunks.c.id, documents.c.id.label("document_id"), documents.c.uri, chunks.c.passage_key, siblings())
_PLACES = ByIds(_PLACE)
_PLACES_WITH_VECTORS = ByIds(
    _PLACE.add_columns(vectors.c.value).outerjoin_from(chunks, vectors, vectors.c.key == chunks.c.vector_key)
)
_SIGNED = (
    select(documents.c.id, versions.c.signature)
    .join(versions, versions.c.id == documents.c.live_version_id)
    .where(documents.c.id.in_(bindparam("ids", expanding=True)))
)
_SIGNATURES = _SIGNED.where(versions.c.signature.is_not(None))
_EDITIONS = _SIGNED.add_columns(versions.c.metadata, versions.c.created_at)


class Catalog:
    """Reads documents, chunks and stored vectors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def local(self) -> bool:
        """Whether it is a file of this machine: who asks it computes, and does not wait."""
        return self._database.local

    def documents(
        self,
        *,
        collection: str | None = None,
        state: DocumentState | None = None,
        access: tuple[str, ...] | None = None,
        only: Sequence[str] | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> tuple[Document, ...]:
        """The documents that can answer, by uri; or those in one state, such as the ones that failed.

        Args:
            collection: By default all of them.
            state: By default those that have a live version.
            access: Tags of the caller, who sees no other documents; none for an operator.
            only: The collections of a caller that may not see others.
            limit: How many at most.
            after: Go on after this `Document.place`.
        """
        query = select_documents().order_by(collections.c.name, documents.c.uri)
        query = query.where(seen(access, untagged=collections.c.untagged))
        query = query.where(documents.c.live_version_id.is_not(None) if state is None else documents.c.state == state)
        if collection is not None:
            query = query.where(collections.c.name == collection)
        if only is not None:
            query = query.where(collections.c.name.in_(only))
        if after is not None:
            name, _, uri = after.partition("/")
            further = (collections.c.name == name) & (documents.c.uri > uri)
            query = query.where((collections.c.name > name) | further)
        with self._database.read() as connection:
            query = query.limit(limit)
            return tuple(to_document(row) for row in connection.execute(query))

    def view(
        self, document_id: str, *, with_chunks: bool = False, access: tuple[str, ...] | None = None
    ) -> DocumentView:
        """A document with its text.

        Raises:
            NotFound: No document has this id, or none that a caller with these access tags may see.
        """
        with self._database.read() as connection:
            query = select_documents(versions.c.text, versions.c.warnings, versions.c.verdicts, versions.c.signature)
            visible = seen(access, untagged=collections.c.untagged)
            row = connection.execute(query.where(documents.c.id == document_id, visible)).one_or_none()
            if row is None:
                raise NotFound(f"There is no document {document_id!r}.", hint="`ragkit documents list` shows every id.")
            found: tuple[Chunk, ...] = ()
            if with_chunks:
                query = select_chunks().where(documents.c.id == document_id).order_by(chunks.c.ordinal)
                found = tuple(to_chunk(chunk) for chunk in connection.execute(query))
            tried = connection.execute(
                select(attempts).where(attempts.c.document_id == document_id).order_by(attempts.c.id.desc())
            ).all()
            alike = _near_duplicates(connection, row, access) if row.signature else ()
        return DocumentView(
            document=to_document(row),
            text=row.text or "",
            chunks=found,
            warnings=tuple(row.warnings or ()),
            verdicts=tuple(FilterVerdict(**verdict) for verdict in row.verdicts or ()),
            attempts=tuple(to_attempt(attempt) for attempt in tried),
            near_duplicates=alike,
        )

    def places(
        self, generation: Generation, ids: Sequence[str], scope: Scope, *, with_vectors: bool = False
    ) -> tuple[dict[str, Place], dict[str, Vector]]:
        """Where the live chunks in scope among these ids stand, and their vectors on request."""
        rows = self._by_ids(_PLACES_WITH_VECTORS if with_vectors else _PLACES, generation, ids, scope)
        places = {
            key: Place(chunk_id=key, document_id=document_id, uri=uri, passage_key=passage_key, siblings=count)
            for key, document_id, uri, passage_key, count, *_ in rows
        }
        stored = {row.id: row.value for row in rows if row.value is not None} if with_vectors else {}
        return places, dict(zip(stored, decode(list(stored.values()), generation.spec.dimension), strict=True))

    def hits(self, generation: Generation, ids: Sequence[str], scope: Scope = EVERYTHING) -> dict[str, Hit]:
        """The live chunks in scope among these ids; rank, score and origin are for the caller to fill in."""
        return {row.id: to_hit(row) for row in self._by_ids(_HITS, generation, ids, scope)}

    def signatures(self, document_ids: Sequence[str]) -> dict[str, bytes]:
        """What tells near-duplicates among these documents.

        It stands behind the text in a row, and takes the longer to read the longer that is.
        """
        return {row.id: row.signature for row in self._of_documents(_SIGNATURES, document_ids)}

    def editions(self, document_ids: Sequence[str]) -> dict[str, Edition]:
        """What tells the newest of near-duplicates among these documents."""
        return {
            row.id: Edition(signature=row.signature or b"", date=date_of(row.metadata), live_at=row.created_at)
            for row in self._of_documents(_EDITIONS, document_ids)
        }

    def in_scope(
        self, generation: Generation, scope: Scope, *, chunks_at_most: int | None = None
    ) -> tuple[str, ...] | None:
        """Ids of the live documents in scope, in no order; none where they have more chunks than a limit allows."""
        query = (
            select(documents.c.id)
            .join_from(versions, documents, documents.c.id == versions.c.document_id)
            .where(documents.c.live_version_id.is_not(None))
        )
        current = versions.c.id.in_(newest(generation.id))
        query = query.where(current if generation.beside else documents.c.live_version_id == versions.c.id)
        # The sum hides the column from the choice of an index: any set of conditions is narrower than a collection.
        collection_id = documents.c.collection_id + 0 if scope.by_sets else documents.c.collection_id
        query = query.where(collection_id == generation.collection_id)
        with self._database.look_up() as connection:
            where = conditions(scope, dialect=connection.dialect.name, untagged=generation.untagged, as_sets=True)
            query = query.where(*where)
            if chunks_at_most is None:
                return tuple(connection.scalars(query))
            some = query.join(chunks, chunks.c.version_id == versions.c.id).limit(chunks_at_most + 1).subquery()
            found = connection.execute(select(some.c.id, func.count()).group_by(some.c.id)).all()
        return None if sum(count for _, count in found) > chunks_at_most else tuple(key for key, _ in found)

    def passing(self, generation: Generation, ids: Sequence[str], scope: Scope) -> set[str]:
        """Those of the chunk ids that are live and in scope."""
        return {row.id for row in self._by_ids(_IDS, generation, ids, scope)}

    def contents(self, generation: Generation, *, since: Moment | None = None) -> Contents | None:
        """What a collection answers from, or what of it has changed; none where another generation answers."""
        with self._database.read() as connection:
            return read_contents(connection, generation, since)

    def count(self, generation: Generation) -> int:
        """How many live chunks there are."""
        with self._database.read() as connection:
            return int(connection.execute(of_generation(select(func.count(chunks.c.id)), generation)).scalar_one())

    def live_chunks(self, generation: Generation, *, document_ids: Sequence[str] | None = None) -> dict[str, bytes]:
        """Live chunk ids with the keys of their vectors; of some documents, or of all."""
        query = of_generation(select(chunks.c.id, chunks.c.vector_key), generation)
        with self._database.read() as connection:
            selections = _narrowed(query, documents.c.id, document_ids)
            return {row.id: row.vector_key for one in selections for row in connection.execute(one)}

    def live_vectors(
        self, generation: Generation, *, document_ids: Sequence[str] | None = None, scope: Scope = EVERYTHING
    ) -> Iterator[tuple[list[str], Matrix]]:
        """Live chunk ids in scope with their vectors, some thousands at a time; of some documents, or of all."""
        query = of_generation(select(chunks.c.id, vectors.c.value), generation).join(
            vectors, vectors.c.key == chunks.c.vector_key
        )
        for selection in _narrowed(query, documents.c.id, document_ids):
            with self._database.read() as connection:
                inside = selection.where(*_inside(connection, generation, scope))
                for rows in connection.execution_options(yield_per=_STREAM).execute(inside).partitions():
                    yield [row.id for row in rows], decode([row.value for row in rows], generation.spec.dimension)

    def files(self) -> dict[str, str]:
        """SHA-256 of the files that must be kept, with the uri that each belongs to."""
        held = select(documents.c.held_sha256, documents.c.uri).where(documents.c.held_sha256.is_not(None))
        kept = select(versions.c.id).where(versions.c.sha256 == jobs.c.file_sha256)
        uploads = select(jobs.c.file_sha256, jobs.c.uri).where(
            jobs.c.state.not_in(("done", "cancelled")) | kept.exists()
        )
        with self._database.read() as connection:
            rows = [*connection.execute(held), *connection.execute(uploads)]
            return {sha256: uri for sha256, uri in rows if sha256}

    def erasing(self, generation: Generation) -> bool:
        """Whether something was deleted whose traces have not been purged yet."""
        query = select(collections.c.erasing).where(collections.c.id == generation.collection_id)
        with self._database.read() as connection:
            return bool(connection.execute(query).scalar())

    def keyword_entries(
        self, generation: Generation, *, chunk_ids: Sequence[str] | None = None
    ) -> Iterator[KeywordEntry]:
        """What the keyword index of this generation must hold; of some chunks, or of all."""
        query = of_generation(
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
            streaming = connection.execution_options(yield_per=_STREAM)
            for selection in _narrowed(query, chunks.c.id, chunk_ids):
                for row in streaming.execute(selection):
                    yield KeywordEntry(**row._mapping)

    def _of_documents(self, query: Select[Any], document_ids: Sequence[str]) -> list[Row[Any]]:
        if not document_ids:
            return []
        with self._database.look_up() as connection:
            return [row for ids in batches(document_ids) for row in connection.execute(query, {"ids": ids}).all()]

    def _by_ids(self, wanted: ByIds, generation: Generation, ids: Sequence[str], scope: Scope) -> list[Any]:
        if not ids:
            return []
        with self._database.look_up() as connection:
            return list(wanted.rows(connection, generation, ids, *_inside(connection, generation, scope)))


def _inside(connection: Connection, generation: Generation, scope: Scope) -> Iterator[ColumnElement[bool]]:
    return conditions(scope, dialect=connection.dialect.name, untagged=generation.untagged)


def _near_duplicates(connection: Connection, row: Row[Any], access: tuple[str, ...] | None) -> tuple[str, ...]:
    """Uris of the live documents of the same collection whose text is like that of one, as far as they can be seen."""
    mine = select(bands.c.band).where(bands.c.version_id == row.live_version_id)
    query = (
        select(documents.c.uri, versions.c.signature)
        .join(versions, versions.c.id == documents.c.live_version_id)
        .join(collections, collections.c.id == documents.c.collection_id)
        .where(documents.c.collection_id == row.collection_id, documents.c.id != row.id)
        .where(seen(access, untagged=collections.c.untagged))
        .where(versions.c.id.in_(select(bands.c.version_id).where(bands.c.band.in_(mine))))
        .order_by(documents.c.uri)
    )
    rows = connection.execute(query)
    return tuple(other.uri for other in rows if similarity(row.signature, other.signature or b"") >= NEAR_DUPLICATE)


def _narrowed(query: Select[Any], column: ColumnElement[str], ids: Sequence[str] | None) -> list[Select[Any]]:
    return [query] if ids is None else [query.where(column.in_(batch)) for batch in batches(ids)]
