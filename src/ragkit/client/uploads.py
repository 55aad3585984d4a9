"""What `ingest` of a client does around its calls: which files go under which names, and one report of many jobs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

from ragkit.errors import InputError, ParseFailed, RagkitError, UpstreamTimeout
from ragkit.types import Failure, IngestReport, Job

__all__ = ["UNDER_WAY", "Patience", "files_of", "opened", "polls", "rejected", "report_of", "total"]

UNDER_WAY = frozenset({"queued", "running"})


NO_WORKER_S = 30.0
"""How long a job may wait for a worker when none is running."""


class Patience:
    """Waits with a job as long as there is someone to do it."""

    def __init__(self) -> None:
        self._alone_since: float | None = None

    def check(self, job: Job) -> None:
        """Look at a job that was asked for just now.

        Raises:
            UpstreamTimeout: It has been waiting for a worker for long, and there is none.
        """
        if job.state != "queued" or job.detail is None:
            self._alone_since = None
            return
        moment = time.monotonic()
        self._alone_since = moment if self._alone_since is None else self._alone_since
        if moment - self._alone_since > NO_WORKER_S:
            raise UpstreamTimeout(
                f"The job {job.id!r} has been waiting for {NO_WORKER_S:.0f} s: {job.detail}",
                hint="What was uploaded is kept: it is ingested as soon as a worker runs.",
            )


def files_of(paths: Iterable[str | Path]) -> dict[str, Path]:
    """The files to upload by the names to upload them under; folders with all that is below them.

    Raises:
        InputError: A path leads nowhere, or two files would have the same name.
    """
    named: dict[str, Path] = {}
    for path in map(Path, paths):
        for name, file in _named(path):
            if named.setdefault(name, file) != file:
                raise InputError(
                    f"{str(named[name])!r} and {str(file)!r} would both be uploaded as {name!r}.",
                    hint="Ingest the folder that holds both, or rename one.",
                )
    return named


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """A file to read from, for the length of the block.

    Raises:
        ParseFailed: It cannot be read.
    """
    try:
        with file.open("rb") as source:
            yield source
    except OSError as error:
        raise ParseFailed(f"{str(file)!r} cannot be read: {error.strerror}.") from error


def _named(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield _sendable(path.name), path
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            below = file.relative_to(path)
            if file.is_file() and not any(part.startswith(".") for part in below.parts):
                # A name has no folders; files of one name in different folders stay apart.
                yield _sendable("__".join(below.parts)), file
    else:
        raise InputError(f"There is no file or folder {str(path)!r}.")


def _sendable(name: str) -> str:
    """A name in bytes that are no UTF-8 cannot be sent as it is."""
    return name.encode("utf-8", "replace").decode()


def rejected(name: str, error: RagkitError) -> IngestReport:
    """The report of a file that was not accepted."""
    return IngestReport(found=1, failed=(Failure(uri=f"upload://{name}", code=error.code, detail=error.detail),))


def report_of(job: Job) -> IngestReport:
    """The report of a job that has ended."""
    if job.report is not None:
        return job.report
    failure = Failure(uri=job.uri, code="internal", detail=job.error or f"The job was {job.state}.")
    return IngestReport(found=1, failed=(failure,))


def total(reports: Iterable[IngestReport], *, seconds: float) -> IngestReport:
    """One report of them all."""
    sums: dict[str, Any] = {field.name: field.default for field in fields(IngestReport)}
    for report in reports:
        sums = {name: value + getattr(report, name) for name, value in sums.items()}
    return IngestReport(**sums | {"seconds": seconds})


def polls() -> Iterator[float]:
    """Seconds to wait before each look at a job: soon at first, then every second."""
    delay = 0.05
    while True:
        yield delay
        delay = min(1.0, 1.5 * delay)
