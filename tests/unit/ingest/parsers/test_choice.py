"""Which parser a file gets, and what is refused before one sees it."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile

import pytest

from ragkit.errors import ParseFailed, UnsupportedFormat
from ragkit.ingest.parsers import content_title, parse, parser_for
from ragkit.protocols import Source
from tests.documents import archive, docx, pdf


def chosen(name: str, data: bytes, media_type: str | None = None) -> str:
    return parser_for(Source(name=name, data=data, media_type=media_type)).name.split("/")[0].removesuffix("+ocr")


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("notes", b"plain words", "text"),
        ("notes.unheard-of", b"plain words", "text"),
        ("page", b"<!DOCTYPE html><p>x", "html"),
        ("report.txt", pdf(["A"]), "pdf"),
        ("report.doc", docx("A"), "docx"),
        ("papers", archive(a__txt="x"), "archive"),
        ("notes.txt", gzip.compress(b"x", mtime=0), "archive"),
        ("letter.doc", b"{\\rtf1 A}", "rtf"),
        ("README.MD", b"# A", "markdown"),
        ("Dockerfile", b"FROM scratch", "code"),
        ("about-pdf.txt", b"<p>%PDF- is how they begin", "text"),
        ("about-pdf.md", b"A PDF file begins with %PDF-1.7 or so.", "markdown"),
        ("after-a-mail-header.txt", b"Received: x\n\n" + pdf(["A"]), "pdf"),
    ],
)
def test_the_bytes_win_over_the_name(name: str, data: bytes, expected: str) -> None:
    assert chosen(name, data) == expected


def test_a_package_whose_type_is_damaged_is_left_to_its_parser() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/epub+zip" * 20)
    data = bytearray(packed.getvalue())
    data[38:60] = b"\xff" * 22
    assert chosen("book.epub", bytes(data)) == "epub"


def test_the_media_type_helps_a_name_without_extension() -> None:
    assert chosen("upload", b"# A", "text/markdown; charset=utf-8") == "markdown"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("picture.gif", b"GIF89a\0" + bytes(64), ".gif"),
        ("picture.txt", b"GIF89a\0" + bytes(64), ".gif"),
        ("data.txt", b"text\0and\0binary" * 20, "unknown binary data"),
        ("program.jar", archive(a__txt="x"), "belongs to some program"),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "Word before 2007"),
    ],
)
def test_what_no_parser_reads_is_refused_with_its_kind(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedFormat, match=reason) as raised:
        parse(Source(name=name, data=data))
    assert repr(name) in raised.value.detail
    assert raised.value.hint


@pytest.mark.parametrize("data", [b"   \n\t", b"\xef\xbb\xbf", "\u200b\u00ad".encode()])
def test_a_file_without_text_is_a_failure_not_a_success(data: bytes) -> None:
    with pytest.raises(ParseFailed, match="holds no text"):
        parse(Source(name="blank.txt", data=data))


def test_a_file_without_a_title_is_named_after_the_file_and_that_is_not_embedded() -> None:
    parsed = parse(Source(name="in/q3_report-final.txt", data=b"some words, and more of them."))
    assert parsed.title == "q3 report final"
    assert content_title(parsed, "in/q3_report-final.txt") == ""
    titled = parse(Source(name="a.md", data=b"# Quarterly report\n\nWords."))
    assert content_title(titled, "a.md") == "Quarterly report"


def test_choosing_and_reading_plain_formats_loads_no_heavy_library() -> None:
    program = (
        "import sys; from ragkit.ingest.parsers import parse; from ragkit.protocols import Source\n"
        "for name in ('a.md', 'a.html', 'a.txt', 'a.csv', 'a.json', 'a.py'): parse(Source(name=name, data=b'[1, 2]'))\n"
        "heavy = {'unstructured', 'spacy', 'pandas', 'numpy', 'docx', 'pypdfium2', 'openpyxl'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
