"""Office files are ZIP archives: check them before a library reads them, and read their properties."""

from __future__ import annotations

import html
import io
import re
import zipfile

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.contained import Budget
from ragkit.ingest.parsers.limits import Limits
from ragkit.ingest.parsers.metadata import described
from ragkit.ingest.parsers.sniff import DAMAGED
from ragkit.protocols import Source

__all__ = ["checked_package", "properties"]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKUP = (".xml", ".rels", ".opf", ".ncx", ".xhtml", ".html", ".htm", ".svg", ".vml")
_PROLOG = 65_536
"""What is declared further in is held down by the XML parsers themselves, which limit how far entities expand."""
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
        TooLarge: It expands to more than the limits allow.
    """
    data = _decrypted(source) if source.data.startswith(_OLE) else source.data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_bombs(archive, source)
    except DAMAGED as error:
        raise ParseFailed(
            f"{source.name!r} is damaged: it is not a readable Office package ({error}).",
            hint="Open it in the program that wrote it and save it again.",
        ) from error
    return data


def _refuse_bombs(archive: zipfile.ZipFile, source: Source) -> None:
    budget = Budget(Limits.of(source), source.name)
    for member in archive.infolist():
        budget.member()
        if member.flag_bits & 1:
            raise ParseFailed(f"{source.name!r} is encrypted: it needs a password.", hint="Save it without encryption.")
        budget.spend(member.file_size)
        budget.check_ratio(member.file_size, member.compress_size)
        if member.filename.endswith(_MARKUP):
            with archive.open(member) as part:
                head = part.read(_PROLOG).replace(b"\0", b"")  # UTF-16 too
            if b"<!ENTITY" in head:
                raise ParseFailed(f"{source.name!r} declares XML entities in {member.filename!r}: unsafe to read.")


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
    """Title, author, dates and the like, from the archive's property files; dates in ISO 8601."""
    found: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if _PROPERTY_FILES.fullmatch(name):
                with archive.open(name) as part:
                    for key, value in _PROPERTY.findall(part.read(1_000_000)):
                        if kept := _NAMES.get(key.decode("ascii", "ignore").lower()):
                            found.setdefault(kept, html.unescape(value.decode("utf-8", "replace")))
    return described(found)
