"""`/v1/uploads`: large files in parts, by the tus protocol; a whole one is a job like that of any upload."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ragkit.errors import InputError, UnsupportedFormat
from ragkit.service.deps import KitToEdit, Name, RightFirst
from ragkit.service.errors import ClientGone
from ragkit.service.tus import EXTENSIONS, PART, VERSION, metadata_of, progress_of
from ragkit.store.arriving import Upload

__all__ = ["router"]

MOST_METADATA = 8_000
"""Characters of what a client says of its file."""
COLLECTION: TypeAdapter[str] = TypeAdapter(Name)
Version = Annotated[str | None, Header(description="The version of tus that is spoken: `1.0.0`.")]
Offset = Annotated[int, Header(ge=0, description="Where the part belongs: at the end of what is there.")]
Length = Annotated[int, Header(ge=0, description="Bytes of the whole file.")]
Metadata = Annotated[
    str,
    Header(
        max_length=MOST_METADATA,
        description="`filename`, and `collection` where it is not the default one, each with its value in base64, "
        "between commas. Others are kept and told again.",
    ),
]


async def _speaks(tus_resumable: Version = None) -> None:
    if tus_resumable != VERSION:
        raise HTTPException(
            412, f"This service speaks tus {VERSION}, and the request does not say so.", {"Tus-Version": VERSION}
        )


def _tells(status: int, description: str, *names: str) -> dict[int | str, dict[str, Any]]:
    headers = {name: {"schema": {"type": "string"}} for name in names}
    return {status: {"description": description, "headers": headers}}


def _takes(*, required: bool) -> dict[str, Any]:
    content = {PART: {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"content": content, "required": required}}


router = APIRouter(prefix="/v1/uploads", tags=["uploads"], route_class=RightFirst, default_response_class=Response)
TUS = [Depends(_speaks)]
SPOKEN = ("Tus-Version", "Tus-Extension", "Tus-Max-Size")
PROGRESS = ("Upload-Offset", "Upload-Expires", "X-Job-Id")


@router.options("", status_code=204, responses=_tells(204, "What is spoken.", *SPOKEN))
async def describe_uploads(kit: KitToEdit, request: Request) -> Response:
    """What is spoken here: tus 1.0.0 with its extensions, and how large a file may be."""
    most = request.app.state.settings.max_file_mb * 1_000_000
    spoken = zip(SPOKEN, (VERSION, EXTENSIONS, str(most)), strict=True)
    return Response(status_code=204, headers=dict(spoken))


@router.post(
    "",
    status_code=201,
    dependencies=TUS,
    responses=_tells(201, "It is begun.", "Location", *PROGRESS),
    openapi_extra=_takes(required=False),
)
async def begin_upload(
    kit: KitToEdit, request: Request, upload_length: Length, upload_metadata: Metadata = ""
) -> Response:
    """Say which file comes; `Location` is where its parts go. A body is the first of them.

    The name is treated as that of any upload, and the same limits hold. What breaks off is kept until `Upload-Expires`.
    """
    said = metadata_of(upload_metadata)
    name = said.get("filename") or said.get("name")
    if not name:
        raise InputError(
            "Upload-Metadata: there is no file name.", hint="Send it as 'filename ' and the name in base64."
        )
    upload = await kit.uploads.begin(
        name, upload_length, collection=_collection(said.get("collection")), metadata=upload_metadata
    )
    if _is_part(request):
        upload = await _written(kit, request, upload.id, 0)
    place = request.url_for("get_upload", upload_id=upload.id).path
    return Response(status_code=201, headers={"Location": place} | progress_of(upload))


@router.head(
    "/{upload_id}",
    dependencies=TUS,
    responses=_tells(200, "How far it is.", *PROGRESS, "Upload-Length", "Upload-Metadata", "Cache-Control"),
)
async def get_upload(upload_id: Name, kit: KitToEdit) -> Response:
    """How much of a file is there: `Upload-Offset` is where to go on. `X-Job-Id` is the job of a whole one."""
    upload = await kit.uploads.get(upload_id)
    told = {"Upload-Length": str(upload.length)} | ({"Upload-Metadata": upload.metadata} if upload.metadata else {})
    return Response(headers=progress_of(upload) | told)


@router.patch(
    "/{upload_id}",
    status_code=204,
    dependencies=TUS,
    responses=_tells(204, "How far it is now.", *PROGRESS),
    openapi_extra=_takes(required=True),
)
async def continue_upload(upload_id: Name, kit: KitToEdit, request: Request, upload_offset: Offset) -> Response:
    """Add a part. With the last one the file is accepted, and `X-Job-Id` tells the job that it is.

    Where the connection breaks off, what has come is kept. A client that no PATCH can leave from sends POST with
    `X-HTTP-Method-Override: PATCH`.
    """
    if not _is_part(request):
        raise UnsupportedFormat("A part of an upload has another type of content.", hint=f"Send it as {PART!r}.")
    upload = await _written(kit, request, upload_id, upload_offset)
    return Response(status_code=204, headers=progress_of(upload))


@router.delete("/{upload_id}", status_code=204, dependencies=TUS)
async def end_upload(upload_id: Name, kit: KitToEdit) -> Response:
    """Forget an upload and what has come of it. The job of a whole one goes on: cancel that."""
    await kit.uploads.remove(upload_id)
    return Response(status_code=204)


def _is_part(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().casefold() == PART


async def _written(kit: KitToEdit, request: Request, upload_id: str, offset: int) -> Upload:
    try:
        return await kit.uploads.write(upload_id, offset, request.stream())
    except ClientDisconnect as error:
        raise ClientGone from error


def _collection(name: str | None) -> str | None:
    try:
        return COLLECTION.validate_python(name) if name else None
    except ValidationError as error:
        raise InputError(f"Upload-Metadata: collection: {error.errors()[0]['msg']}.") from error
