"""Office files are ZIP archives: check them before a library reads them, and read their properties."""

from __future__ import annotations

import html
import io
import re
import zipfile

from ragkit.errors import ParseFailed, TooLarge
from ragkit.protocols import Source

__all__ = ["checked_package", "properties"]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_UNPACKED = 2_000_000_000
_MAX_XML = 400_000_000
_PROPERTY = re.compile(rb"<(?:dc|dcterms|cp|meta):([\w-]+)[^>]*>([^<]{1,2000})</")
_NAMES = {
    "title": "title", "creator": "author", "initial-creator": "author", "subject": "subject", "keywords": "keywords",
    "keyword": "keywords", "description": "description", "created": "created", "creation-date": "created",
    "modified": "modified", "date": "modified", "language": "language", "publisher": "publisher",
}  # fmt: skip
_PROPERTY_FILES = re.compile(r"docProps/core\.xml|meta\.xml|.*\.opf")


def checked_package(source: Source) -> bytes:
    """The archive's bytes, decrypted where a password was given.

    Raises:
        ParseFailed: It is encrypted, damaged, or declares XML entities.
        TooLarge: It unpacks to gigabytes.
    """
    data = _decrypted(source) if source.data.startswith(_OLE) else source.data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _refuse_bombs(archive, members, source.name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        raise ParseFailed(
            f"{source.name!r} is damaged: it is not a readable Office package ({error}).",
            hint="Open it in the program that wrote it and save it again.",
        ) from error
    return data


def _refuse_bombs(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str) -> None:
    if any(member.flag_bits & 1 for member in members):
        raise ParseFailed(f"{name!r} is encrypted: it needs a password.", hint="Save it without encryption.")
    unpacked = sum(member.file_size for member in members)
    largest = max((member.file_size for member in members if member.filename.endswith((".xml", ".rels"))), default=0)
    if unpacked > _MAX_UNPACKED or largest > _MAX_XML:
        raise TooLarge(f"{name!r} unpacks to {unpacked / 1e6:.0f} MB, more than is read.", hint="Split the document.")
    for member in members:
        if member.filename.endswith((".xml", ".rels", ".opf")):
            with archive.open(member) as part:
                if b"<!ENTITY" in part.read(4096):
                    raise ParseFailed(f"{name!r} declares XML entities in {member.filename!r}: unsafe to read.")


def _decrypted(source: Source) -> bytes:
    if "EncryptedPackage".encode("utf-16-le") not in source.data:
        raise ParseFailed(
            f"{source.name!r} is an Office document of before 2007, whatever its name says.",
            hint="Save it in the current format (.docx, .xlsx, .pptx).",
        )
    password = source.options.get("password")
    hint = "Set `password` in the pipeline's parser options, or save the file without encryption."
    if not password:
        raise ParseFailed(f"{source.name!r} is encrypted: it needs a password.", hint=hint)
    import msoffcrypto

    opened = io.BytesIO()
    try:
        office = msoffcrypto.OfficeFile(io.BytesIO(source.data))
        office.load_key(password=password)
        office.decrypt(opened)
    except Exception as error:  # the library raises its own and its cipher's errors
        raise ParseFailed(f"{source.name!r} is encrypted: the password given does not open it.", hint=hint) from error
    return opened.getvalue()


def properties(data: bytes) -> dict[str, str]:
    """Title, author, dates and the like, from the archive's property files."""
    found: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if _PROPERTY_FILES.fullmatch(name):
                with archive.open(name) as part:
                    for key, value in _PROPERTY.findall(part.read(1_000_000)):
                        if kept := _NAMES.get(key.decode("ascii", "ignore").lower()):
                            found.setdefault(kept, html.unescape(value.decode("utf-8", "replace")).strip())
    return found
