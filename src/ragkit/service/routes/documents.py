"""`/v1/documents`: what is in the catalog, and putting more in."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from typing_extensions import TypedDict

from ragkit.errors import InputError, TooLarge
from ragkit.excerpts import Excerpt
from ragkit.service.deps import KitToEdit, KitToRead, Name, RightFirst
from ragkit.service.pages import After, Limit
from ragkit.types import Document, DocumentState, DocumentView, IngestReport, Job, Receipt

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/documents", tags=["documents"], route_class=RightFirst, form_limits={"max_files": 1, "max_fields": 4}
)


HARMLESS = frozenset({"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"})
"""Kinds that are sent as what they are; of others a browser is not told, lest it runs them."""
OTHER = "application/octet-stream"
BYTES = {"type": "string", "format": "binary"}
NEVER_A_PAGE = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Documents(TypedDict):
    documents: tuple[Document, ...]


@router.get("", response_model=Documents)
async def list_documents(
    kit: KitToRead,
    collection: Annotated[Name | None, Query()] = None,
    state: DocumentState | None = None,
    limit: Limit = 500,
    after: After = None,
) -> Documents:
    """The documents that can answer, or those in one state; of one collection, or of all; by collection and uri.

    A page that is full may not be the last one: `after`, as `COLLECTION/URI` of its last document, goes on.
    """
    found = await kit.documents.list(collection=collection, state=state, limit=limit, after=after)
    return {"documents": found}


@router.get("/{document_id}", response_model=DocumentView)
async def get_document(document_id: Name, kit: KitToRead, chunks: bool = False) -> DocumentView:
    """A document with its text and, on request, its chunks."""
    return await kit.documents.get(document_id, chunks=chunks)


@router.get("/{document_id}/text", response_model=Excerpt)
async def get_document_text(
    document_id: Name,
    kit: KitToRead,
    start: Annotated[int, Query(ge=0)] = 0,
    end: Annotated[int | None, Query(ge=0)] = None,
    page: Annotated[int | None, Query(ge=1)] = None,
) -> Excerpt:
    """A part of its text: from `start` to before `end`, which count characters, or a page."""
    return await kit.documents.text(document_id, start=start, end=end, page=page)


@router.get(
    "/{document_id}/file",
    response_class=Response,
    responses={200: {"content": {kind: {"schema": BYTES} for kind in (OTHER, *sorted(HARMLESS))}}},
)
async def get_document_file(document_id: Name, kit: KitToRead) -> Response:
    """The file that was uploaded, to be saved: no browser shows it as a page of this service."""
    document = (await kit.documents.get(document_id)).document
    kind = document.media_type if document.media_type in HARMLESS else OTHER
    name = quote(document.uri.rsplit("/", 1)[-1], safe="")
    disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(await kit.documents.file(document_id), headers=NEVER_A_PAGE | disposition, media_type=kind)


@router.delete("/{document_id}", response_model=Receipt)
async def delete_document(document_id: Name, kit: KitToEdit) -> Receipt:
    """Erase a document everywhere."""
    return await kit.documents.delete(document_id)


@router.post("/{document_id}/release", response_model=IngestReport)
async def release_document(document_id: Name, kit: KitToEdit) -> IngestReport:
    """Let a document out of quarantine: it is ingested whatever the filters say of it."""
    return await kit.documents.release(document_id)


@router.post("", response_model=Job, status_code=202)
async def upload_document(
    file: UploadFile,
    kit: KitToEdit,
    request: Request,
    response: Response,
    collection: Annotated[Name | None, Form()] = None,
) -> Job:
    """Accept a file for ingestion; the job in the reply tells what becomes of it.

    A file of the same name replaces the document that came from it before.
    """
    if unknown := (await request.form()).keys() - {"file", "collection"}:
        raise InputError(f"{min(unknown)[:100]}: there is no such field.", hint="It takes 'file' and 'collection'.")
    if not file.filename:
        raise InputError("file: the upload has no file name.")
    limit = request.app.state.settings.max_file_mb
    if (file.size or 0) > limit * 1_000_000:
        raise TooLarge(f"{file.filename!r} is larger than {limit} MB.", hint="Raise RAGKIT_MAX_FILE_MB.")
    # One upload in memory at a time; the others wait on disk, where the parser of the form has put them.
    async with request.app.state.upload_slots:
        job = await kit.documents.upload(file.filename, await file.read(), collection=collection)
    response.headers["Location"] = request.url_for("get_job", job_id=job.id).path
    return job
