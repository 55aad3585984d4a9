"""What the bytes say about the format of a file."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib

from ragkit.ingest.parsers.encoding import looks_binary
from ragkit.protocols import Source

__all__ = ["DAMAGED", "extension_of", "sniff", "text_kind"]

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"), (b"RIFF", ".riff"), (b"\x1f\x8b", ".gz"),
    (b"7z\xbc\xaf", ".7z"), (b"Rar!", ".rar"), (b"\x7fELF", ".elf"), (b"SQLite format 3\x00", ".sqlite"),
    (b"BM", ".bmp"), (b"II*\x00", ".tiff"), (b"MM\x00*", ".tiff"), (b"OggS", ".ogg"), (b"ID3", ".mp3"),
    (b"\x00asm", ".wasm"), (b"%!PS", ".ps"), (b"BZh", ".bz2"), (b"\xfd7zXZ\x00", ".xz"),
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_MEMBERS: tuple[tuple[str, str], ...] = (
    ("word/document.xml", ".docx"), ("word/", ".docx"), ("ppt/", ".pptx"), ("xl/", ".xlsx"),
)  # fmt: skip
_ZIP_TYPES = {
    b"application/epub+zip": ".epub",
    b"application/vnd.oasis.opendocument.text": ".odt",
    b"application/vnd.oasis.opendocument.text-template": ".odt",
    b"application/vnd.oasis.opendocument.spreadsheet": ".ods",
    b"application/vnd.oasis.opendocument.spreadsheet-template": ".ods",
    b"application/vnd.oasis.opendocument.presentation": ".odp",
    b"application/vnd.oasis.opendocument.presentation-template": ".odp",
}
_PROGRAM_PACKAGES = frozenset(
    """
    .aab .aar .apk .appx .cbz .crx .ear .egg .fig .idml .ipa .jar .key .kmz .nbm .nupkg .numbers .odb .odg .pages .pyz
    .sketch .vsdx .vsix .war .whl .xpi .xps
    """.split()
)
"""ZIP archives whose members are of use to one program only."""
_MANY_MEMBERS = 20_000
_ZIP_ENTRY = b"PK\x01\x02"
DAMAGED = (
    EOFError, NotImplementedError, OSError, RuntimeError, ValueError, lzma.LZMAError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What zipfile raises of a damaged or encrypted archive or member, or of a compression that it does not know."""
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_OLE_STREAMS: tuple[tuple[str, str], ...] = (
    ("__substg1.0_", ".msg"), ("__properties_version1.0", ".msg"), ("EncryptedPackage", ".encrypted"),
    ("WordDocument", ".doc"), ("Workbook", ".xls"), ("PowerPoint Document", ".ppt"),
)  # fmt: skip
_BINARY_FORMATS = frozenset(
    {".pdf", ".docx", ".pptx", ".xlsx", ".xlsm", ".xls", ".msg", ".epub", ".odt", ".ods", ".odp", ".tar"}
)
_MEDIA_TYPES = {
    "application/pdf": ".pdf",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/json": ".json",
    "message/rfc822": ".eml",
}


def extension_of(source: Source) -> str:
    """Lower-case with the dot; from the media type where the name has none."""
    base = source.name.replace("\\", "/").rsplit("/", 1)[-1]
    if base.lower() in {"dockerfile", "makefile"}:
        return f".{base.lower()}"
    if "." in base.lstrip("."):
        return "." + base.rsplit(".", 1)[-1].lower()
    return _MEDIA_TYPES.get((source.media_type or "").split(";")[0], "")


def sniff(data: bytes, extension: str) -> str:
    """The extension that binary data asks for; empty where the bytes do not contradict the name."""
    if _is_pdf(data):
        return ".pdf"
    if data.startswith(_OLE):
        return _ole_kind(data, extension)
    if data.startswith(_ZIP_STARTS):
        return _zip_kind(data, extension)
    if data[257:262] == b"ustar":
        return ".tar"
    if not looks_binary(data):
        return ".rtf" if data.startswith(b"{\\rtf") else ""
    if extension in _BINARY_FORMATS:
        return ""  # its parser says best what is wrong with it
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), ".bin")


def _is_pdf(data: bytes) -> bool:
    """Whether it is a PDF, also behind other bytes, and not a text about PDFs."""
    place = data.find(b"%PDF-", 0, 1024)
    return place >= 0 and (not data[:place].strip() or b"startxref" in data[-2048:] or looks_binary(data))


def text_kind(data: bytes) -> str:
    """The format of text whose name says nothing."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return ".html" if head.startswith((b"<!doctype html", b"<html")) else ".txt"


def _zip_kind(data: bytes, extension: str) -> str:
    if extension in _PROGRAM_PACKAGES:
        return ".package"
    if data.count(_ZIP_ENTRY) > _MANY_MEMBERS:
        # Not here: this runs in the process of the pipeline, and a parser has limits.
        return extension if extension in _BINARY_FORMATS else ".zip"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if "mimetype" in names:
                with archive.open("mimetype") as member:
                    return _ZIP_TYPES.get(member.read(100).strip(), ".package")
    except DAMAGED:
        return extension if extension in _BINARY_FORMATS else ".zip"
    for prefix, kind in _ZIP_MEMBERS:
        if any(name.startswith(prefix) for name in names):
            return ".xlsm" if kind == ".xlsx" and extension == ".xlsm" else kind
    return ".zip"


def _ole_kind(data: bytes, extension: str) -> str:
    for stream, kind in _OLE_STREAMS:
        if stream.encode("utf-16-le") in data:
            return extension if kind == ".encrypted" and extension in _BINARY_FORMATS else kind
    return "" if extension in {".msg", ".xls"} else ".ole"
