"""Files go to the service, large ones in parts by tus 1.0.0: where a connection breaks off, the next one goes on.

`uploading` is the course of an upload without its sending: it yields each call, or seconds to wait, and is given the
replies and errors, so that both clients share it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from io import SEEK_END
from typing import Any, BinaryIO

from ragkit.client import calls
from ragkit.client.calls import Call, given, part
from ragkit.errors import (
    Busy,
    Conflict,
    Locked,
    NotFound,
    Overloaded,
    ParseFailed,
    RagkitError,
    TimedOut,
    UpstreamError,
)
from ragkit.types import Job

__all__ = ["Course", "on_with", "uploading"]

Course = Generator["Call[Any] | float", Any, Job]
Headers = Mapping[str, str]

IN_PARTS_ABOVE = 32_000_000
"""Bytes of a file above which it goes in parts; below, sending it again is no great loss."""
PART_BYTES = 8_000_000
LOCKED_TRIES, LOCKED_S = 15, 1.0
"""A connection that the service does not know to be dead holds the upload for ten seconds."""
PASSING = (UpstreamError, Conflict, TimedOut, Overloaded, Busy)
"""And what a service, or who stands before it, calls an internal error: as they end they cut what is under way."""
VERSION = {"Tus-Resumable": "1.0.0"}


def uploading(
    name: str,
    source: BinaryIO,
    *,
    collection: str | None,
    delay: Callable[[int], float | None],
    above: int = IN_PARTS_ABOVE,
    part_bytes: int = PART_BYTES,
) -> Course:
    """Upload a file; returns its job.

    A service that knows no uploads in parts, or lost this one, as another machine behind the same address does, gets
    the file in one piece.

    Args:
        name: Of the file.
        source: Its content, which can be read from any place.
        collection: Where it goes.
        delay: Seconds to wait before a try, by how many there were; none where it is given up.
        above: Bytes above which it goes in parts.
        part_bytes: Of one request.

    Raises:
        RagkitError: What the service says of the file; or what the last try ended with.
        ParseFailed: The file has become shorter.
    """
    size, job_id = source.seek(0, SEEK_END), ""
    if size > above:
        with suppress(NotFound):
            begun: Headers = yield _begin(name, size, collection)
            upload_id = begun["location"].rpartition("/")[2]
            job_id = yield from _go_on(upload_id, source, size, delay, part_bytes)
    if job_id:
        found: Job = yield calls.get_job(job_id)
        return found
    source.seek(0)
    job: Job = yield calls.upload_document(name, source.read(), collection=collection)
    return job


def _go_on(
    upload_id: str, source: BinaryIO, size: int, delay: Callable[[int], float | None], part_bytes: int
) -> Generator[Call[Any] | float, Any, str]:
    """Until the file is whole; returns the id of its job."""
    path = f"/v1/uploads/{part(upload_id)}"
    offset = failures = locks = 0
    is_known = True  # whether the service is where we believe
    while True:
        try:
            told: Headers = yield _next(path, offset, source, size, part_bytes) if is_known else _where(path)
        except Locked:
            locks += 1
            if locks > LOCKED_TRIES:
                raise
            yield LOCKED_S
            is_known = False
        except RagkitError as error:
            wait_s = delay(failures)
            if wait_s is None or not (isinstance(error, PASSING) or error.code == RagkitError.code):
                raise
            yield error.retry_after or wait_s
            failures, is_known = failures + 1, False
        else:
            if "x-job-id" in told:
                return told["x-job-id"]
            reached = int(told["upload-offset"])
            if reached > offset:
                failures = locks = 0
            elif is_known:
                raise UpstreamError("The service takes a part, and is not any further.", hint="Is it of this version?")
            offset, is_known = reached, True


def on_with(course: Course, outcome: object) -> Call[Any] | float | Job:
    """The next step of a course: what to call, how long to wait, or the job at its end.

    Args:
        course: Of an upload.
        outcome: The reply to the last call, or the `RagkitError` that it ended with; None to begin, or after a pause.
    """
    try:
        return course.throw(outcome) if isinstance(outcome, RagkitError) else course.send(outcome)
    except StopIteration as over:
        job: Job = over.value
        return job


def _begin(name: str, size: int, collection: str | None) -> Call[Headers]:
    said = given(filename=name, collection=collection)
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
    headers = VERSION | {"Upload-Length": str(size), "Upload-Metadata": metadata}
    # One that is begun twice expires by itself.
    return Call(method="POST", path="/v1/uploads", result=Mapping, headers=headers, repeatable=True)


def _where(path: str) -> Call[Headers]:
    return Call(method="HEAD", path=path, result=Mapping, headers=VERSION)


def _next(path: str, offset: int, source: BinaryIO, size: int, part_bytes: int) -> Call[Headers]:
    source.seek(offset)
    data = source.read(min(part_bytes, size - offset))
    if not data and offset < size:
        raise ParseFailed("The file has become shorter while it was uploaded.", hint="Upload it again.")
    headers = VERSION | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return Call(method="PATCH", path=path, result=Mapping, headers=headers, content=data)
