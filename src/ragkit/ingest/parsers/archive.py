"""Archives: no text of their own, and every file in them a document."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from typing import IO, cast

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.builder import clean_stem
from ragkit.ingest.parsers.contained import Budget, Contained, Metered
from ragkit.ingest.parsers.limits import Limits
from ragkit.ingest.parsers.sniff import DAMAGED
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["Archive"]

_DAMAGED = (*DAMAGED, tarfile.TarError)
_COMPRESSED = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz"}
_MEDIA_TYPES = {"zip": "application/zip", "tar": "application/x-tar", "gz": "application/gzip",
                "bz2": "application/x-bzip2", "xz": "application/x-xz"}  # fmt: skip
_ENCRYPTED = 1
_UTF_8 = 0x800


class Archive:
    """ZIP, tar, and single files or tars compressed by gzip, bzip2 or xz; read within limits, never to a disk."""

    name = "archive/1"
    extensions = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz"})

    def parse(self, source: Source) -> Parsed:
        contained, budget = Contained(), Budget(Limits.of(source), source.name)
        kind = next((kind for magic, kind in _COMPRESSED.items() if source.data.startswith(magic)), "")
        try:
            if kind:
                _read_compressed(source, kind, contained, budget)
            elif source.data.startswith(b"PK"):
                kind = "zip"
                _read_zip(source, contained, budget)
            else:
                kind = "tar"
                stream = Metered(io.BytesIO(source.data), budget, compressed=len(source.data))
                _read_tar(stream, contained, budget)
        except _DAMAGED as error:
            raise ParseFailed(
                f"{source.name!r} is damaged: it cannot be unpacked ({_reason(error)}).", hint="Pack it again."
            ) from error
        return Parsed(
            text="",
            title=clean_stem(source.name),
            media_type=_MEDIA_TYPES[kind],
            warnings=contained.warnings(),
            attachments=contained.attachments(),
        )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def _read_zip(source: Source, contained: Contained, budget: Budget) -> None:
    password = source.options.get("password", "").encode()
    with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        closed = [member for member in members if member.flag_bits & _ENCRYPTED]
        if closed and len(closed) == len(members) and not password:
            raise _locked(source.name)
        for member in members:
            budget.member()
            budget.check_ratio(member.file_size, member.compress_size)
            if _is_link(member):
                contained.warn(f"{member.filename!r} is a link and was left out")
            elif member in closed and not password:
                contained.warn(f"{member.filename!r} is encrypted and was left out")
            else:
                _read_member(archive, member, contained, budget, password if member in closed else None)


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, contained: Contained, budget: Budget, password: bytes | None
) -> None:
    try:
        with archive.open(member, pwd=password) as file:
            data = Metered(file, budget, compressed=max(1, member.compress_size)).read()
    except _DAMAGED as error:
        # Also strong encryption, a wrong password, or a method of compression that the standard library does not know.
        contained.warn(f"{member.filename!r} was left out: {_reason(error)}")
    else:
        contained.add(_zip_name(member), data)


def _locked(name: str) -> ParseFailed:
    return ParseFailed(
        f"{name!r} is encrypted: it needs a password.",
        hint="Set `password` in the pipeline's parser options, or pack it without encryption.",
    )


def _is_link(member: zipfile.ZipInfo) -> bool:
    return member.create_system == 3 and (member.external_attr >> 28) == 0xA


def _zip_name(member: zipfile.ZipInfo) -> str:
    """Many programs write UTF-8 without saying so, and the standard library then reads the code page of MS-DOS."""
    if member.flag_bits & _UTF_8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _read_compressed(source: Source, kind: str, contained: Contained, budget: Budget) -> None:
    """A compressed tar, or a single compressed file."""
    with _decompressed(source.data, kind) as file:
        head = file.read(1024)
    with _decompressed(source.data, kind) as file:
        stream = Metered(file, budget, compressed=len(source.data))
        base = source.name.replace("\\", "/").rsplit("/", 1)[-1]
        stem = base.rsplit(".", 1)[0] or "content"
        if head[257:262] == b"ustar" or stem.lower().endswith(".tar"):
            _read_tar(stream, contained, budget)
        else:
            budget.member()
            contained.add(stem.lstrip("."), stream.read())


def _decompressed(data: bytes, kind: str) -> IO[bytes]:
    packed = io.BytesIO(data)
    match kind:
        case "gz":
            return cast(IO[bytes], gzip.GzipFile(fileobj=packed))
        case "bz2":
            return bz2.BZ2File(packed)
        case _:
            return lzma.LZMAFile(packed)


def _read_tar(stream: Metered, contained: Contained, budget: Budget) -> None:
    # As a stream: it is decompressed once, and the meter sees every byte of it, headers too.
    with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|", errors="surrogateescape") as archive:
        for member in archive:
            if member.isdir():
                continue
            budget.member()
            if not member.isreg() or member.issparse():
                contained.warn(f"{member.name!r} is a {_kind(member)} and was left out")
            elif (file := archive.extractfile(member)) is not None:
                contained.add(member.name, file.read())


def _kind(member: tarfile.TarInfo) -> str:
    return "link" if member.issym() or member.islnk() else "device" if member.isdev() else "sparse or special file"
