"""All state that cannot be made again, in one archive: the catalog as it was at one moment, and the original files.

Vectors are in the catalog, so that the indexes are made again from it. The files are named by the hash of their bytes
and never change: those that the catalog knew are there, unless they were erased while the archive was written.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from ragkit.errors import Conflict, InputError, StorageError

__all__ = ["Contents", "back_up", "restore"]

FORMAT = 1
CATALOG, FILES, LIST = "ragkit.db", "files", "backup.json"
_PAGES = 4_096
"""That are copied before writers have their turn."""


_ORIGINAL = re.compile(rf"{FILES}/[0-9a-f]{{2}}/[0-9a-f]{{64}}")
_DAMAGED = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, TypeError)
"""What reading an archive raises that was cut, altered or is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in an archive; its first entry."""

    format: int
    ragkit: str
    schema: str
    """The revision of the catalog."""
    made_at: str
    catalog_sha256: str
    files: int
    """Originals that go with it."""


def back_up(home: Path, target: Path) -> Contents:
    """Write an archive; ingestion and the service may go on meanwhile.

    Args:
        home: Where the catalog `ragkit.db` and `files/` are.
        target: A file that is not there yet, `.tar.gz`; only this user may read it.

    Raises:
        Conflict: The target is there already.
        StorageError: There is no catalog, it is damaged, or the disk is full.
    """
    if target.exists():
        raise Conflict(f"{str(target)!r} is there already.", hint="Name another file; a backup replaces none.")
    if not (home / CATALOG).is_file():
        raise StorageError(f"There is no catalog in {str(home)!r}.", hint="Set RAGKIT_HOME to where the state lies.")
    with _explained(target), tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch:
        catalog, archive = Path(scratch, CATALOG), Path(scratch, "archive")
        schema = _copied(home / CATALOG, catalog)
        originals = sorted(file for file in (home / FILES).glob("??/*") if not file.name.startswith("."))
        contents = Contents(
            format=FORMAT,
            ragkit=version("ragkit"),
            schema=schema,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            catalog_sha256=_sha256(catalog),
            files=len(originals),
        )
        with archive.open("xb") as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
            described = json.dumps(asdict(contents), indent=2).encode()
            entry = tarfile.TarInfo(LIST)
            entry.size = len(described)
            tar.addfile(entry, io.BytesIO(described))
            tar.add(catalog, CATALOG)
            for original in originals:
                with contextlib.suppress(FileNotFoundError):  # erased meanwhile
                    tar.add(original, original.relative_to(home).as_posix())
            file.flush()
            os.fsync(file.fileno())
        archive.chmod(0o600)
        archive.rename(target)
    return contents


def restore(archive: Path, home: Path) -> Contents:
    """Put what an archive holds into an empty home; opening it brings the catalog to the schema of this version.

    Args:
        archive: Made by `back_up`, by this version or an earlier one.
        home: Without a catalog.

    Raises:
        Conflict: There is a catalog already.
        InputError: The file is no backup, or a damaged one; nothing was restored.
        StorageError: The disk is full.
    """
    if (home / CATALOG).exists():
        raise Conflict(
            f"{str(home)!r} has a catalog.", hint="Set RAGKIT_HOME to an empty folder, or move the old one away."
        )
    with _explained(home):
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".restore-") as scratch:
            contents = _unpacked(archive, Path(scratch))
            with contextlib.suppress(FileNotFoundError):
                shutil.copytree(Path(scratch, FILES), home / FILES, dirs_exist_ok=True, copy_function=os.replace)
            # Last: where it is, everything is.
            Path(scratch, CATALOG).rename(home / CATALOG)
    return contents


def _copied(catalog: Path, target: Path) -> str:
    """Copy a database as it is at one moment, and return the revision of its schema."""
    with (
        contextlib.closing(sqlite3.connect(f"{catalog.resolve().as_uri()}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.execute("BEGIN")  # one state throughout: what is written meanwhile would begin the copy anew
        source.execute("SELECT 1 FROM alembic_version").fetchone()
        source.backup(copy, pages=_PAGES)
        (state,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise StorageError(f"The catalog {str(catalog)!r} is damaged: {state}.", hint="Restore an earlier backup.")
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        return str(copy.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _unpacked(archive: Path, scratch: Path) -> Contents:
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r:gz") as tar:
            first = tar.next()
            contents = _read(tar.extractfile(first) if first is not None and first.name == LIST else None)
            for name, content in _expected(tar):
                target = scratch / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    shutil.copyfileobj(content, out)
    except (FileNotFoundError, *_DAMAGED) as error:
        raise InputError(
            f"{str(archive)!r} cannot be read as a backup: {error}.", hint="`ragkit backup FILE` writes one."
        ) from error
    if not (scratch / CATALOG).is_file() or _sha256(scratch / CATALOG) != contents.catalog_sha256:
        raise InputError(f"The catalog in {str(archive)!r} is not whole.", hint="Take another backup.")
    return contents


def _read(described: IO[bytes] | None) -> Contents:
    found: dict[str, Any] = json.load(described) if described is not None else {}
    if found.get("format") != FORMAT:
        raise ValueError("it does not begin with what a backup begins with")
    return Contents(**found)


def _expected(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    """What a backup consists of, by names that lead nowhere else: the catalog, and originals."""
    for member in tar:
        content = tar.extractfile(member) if member.isfile() else None
        if content is not None and (member.name == CATALOG or _ORIGINAL.fullmatch(member.name)):
            yield member.name, content


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"The catalog cannot be copied: {error}.", hint="`ragkit doctor` looks it over.") from error
    except OSError as error:
        raise StorageError(
            f"{str(path)!r} cannot be written: {error.strerror or error}.",
            hint="Free some disk space, and check the rights.",
        ) from error
