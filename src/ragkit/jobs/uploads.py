"""Accepting an upload: its name made safe, its bytes kept, its job recorded."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from ragkit.errors import InputError, TooLarge
from ragkit.jobs.ledger import JobLedger
from ragkit.store.arriving import Upload
from ragkit.store.files import Files
from ragkit.types import Job

__all__ = ["accept_upload", "accept_whole", "checked_upload", "upload_uri"]

MAX_NAME_CHARS = 200


def accept_upload(ledger: JobLedger, files: Files, *, name: str, data: bytes, collection: str, max_bytes: int) -> Job:
    """Keep the file and queue its ingestion; once this returns, the upload survives any crash.

    Raises:
        InputError: The name is empty once it is made safe, or there are no bytes.
        TooLarge: There are more than `max_bytes`.
    """
    uri = checked_upload(name, len(data), max_bytes=max_bytes)
    return ledger.add(collection=collection, uri=uri, file_sha256=files.put(data))


def accept_whole(ledger: JobLedger, files: Files, upload: Upload, file: Path) -> Job:
    """The same for an upload that came in parts; the same job however often it is asked for."""
    sha256 = files.put_file(file)
    return ledger.add(collection=upload.collection, uri=upload_uri(upload.name), file_sha256=sha256, upload=upload.id)


def checked_upload(name: str, size: int, *, max_bytes: int) -> str:
    """The uri that a file of this name and size has.

    Raises:
        InputError: The name is empty once it is made safe, or there are no bytes.
        TooLarge: There are more than `max_bytes`.
    """
    uri = upload_uri(name)
    if not size:
        raise InputError(f"The file {name!r} is empty.", hint="Upload a file with some text in it.")
    if size > max_bytes:
        raise TooLarge(
            f"The file {name!r} has {size:,} bytes; the limit is {max_bytes:,}.", hint="Raise RAGKIT_MAX_FILE_MB."
        )
    return uri


def upload_uri(name: str) -> str:
    """The uri of an uploaded file: `upload://` and its name without folders and control characters.

    The same name again is the same document, in a newer version.
    """
    visible = "".join(c for c in unicodedata.normalize("NFC", name) if not unicodedata.category(c).startswith("C"))
    last = visible.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if last.strip(".") == "":
        raise InputError(f"{name!r} is not a usable file name.", hint="Give the file a name such as 'handbook.pdf'.")
    if len(last) > MAX_NAME_CHARS:
        # The end is what the parser is chosen by.
        last = last[: MAX_NAME_CHARS // 2] + "…" + last[1 - MAX_NAME_CHARS // 2 :]
    return f"upload://{last}"
