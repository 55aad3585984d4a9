"""`/v1/documents`: what is in the catalog, and putting more in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from typing_extensions import TypedDict

from ragkit.errors import InputError, TooLarge
from ragkit.service.deps import KitToEdit, KitToRead, Name, RightFirst
from ragkit.types import Document, DocumentState, DocumentView, IngestReport, Job, Receipt

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/documents", tags=["documents"], route_class=RightFirst, form_limits={"max_files": 1, "max_fields": 4}
)


class Documents(TypedDict):
    documents: tuple[Document, ...]


@router.get("", response_model=Documents)
async def list_documents(
    kit: KitToRead, collection: Annotated[Name | None, Query()] = None, state: DocumentState | None = None
) -> Documents:
    """The documents that can answer, or those in one state; of one collection, or of all."""
    return {"documents": await kit.documents.list(collection=collection, state=state)}


@router.get("/{document_id}", response_model=DocumentView)
async def get_document(document_id: Name, kit: KitToRead, chunks: bool = False) -> DocumentView:
    """A document with its text and, on request, its chunks."""
    return await kit.documents.get(document_id, chunks=chunks)


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
    if not file.filename:
        raise InputError("file: the upload has no file name.")
    limit = request.app.state.settings.max_file_mb
    if (file.size or 0) > limit * 1_000_000:
        raise TooLarge(f"{file.filename!r} is larger than {limit} MB.", hint="Raise RAGKIT_MAX_FILE_MB.")
    # One upload in memory at a time; the others wait on disk, where the parser of the form has put them.
    async with request.app.state.upload_slots:
        job = await kit.documents.upload(file.filename, await file.read(), collection=collection)
    response.headers["Location"] = str(request.app.url_path_for("get_job", job_id=job.id))
    return job
