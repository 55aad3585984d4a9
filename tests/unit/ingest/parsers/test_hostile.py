"""Files made to explode or to reach out: each is refused, or read without what it reached for."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from ragkit.errors import ParseFailed, RagkitError
from ragkit.ingest.parsers import parse
from ragkit.protocols import Source
from tests.documents import docx, opendocument, pptx, xlsx

LAUGHS = "".join(f'<!ENTITY {chr(98 + depth)} "{f"&{chr(97 + depth)};" * 10}">' for depth in range(9))
BOMB = f'<!DOCTYPE x [<!ENTITY a "{"ha" * 50}">{LAUGHS}]>'
PADDING = f"<!--{' ' * 150_000}-->"
"""Longer than what is looked at before the XML parser sees it."""


def with_prolog(package: bytes, member: str, prolog: str, entity: str) -> bytes:
    """The package with declarations in one of its files, and `7` replaced by the entity."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as source, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            body = source.read(name).decode("utf-8", "surrogateescape")
            if name == member:
                start = body.index("?>") + 2 if body.startswith("<?xml") else 0
                body = body[:start] + prolog + body[start:].replace(">7<", f">&{entity};<")
            target.writestr(name, body.encode("utf-8", "surrogateescape"))
    return written.getvalue()


def hostile(extension: str, prolog: str, entity: str) -> bytes:
    match extension:
        case "docx":
            return with_prolog(docx("7"), "word/document.xml", prolog, entity)
        case "xlsx":
            return with_prolog(xlsx(A=[[7]]), "xl/worksheets/sheet1.xml", prolog, entity)
        case "pptx":
            return with_prolog(pptx(("7", "", "")), "ppt/slides/slide1.xml", prolog, entity)
        case "odt":
            return with_prolog(opendocument("text", "<text:p>7</text:p>"), "content.xml", prolog, entity)
        case _:
            return f"{prolog}<x>&{entity};</x>".encode()


@pytest.mark.parametrize("padding", ["", PADDING], ids=["plain", "padded"])
@pytest.mark.parametrize("extension", ["xml", "docx", "xlsx", "pptx", "odt"])
def test_entities_made_of_entities_are_refused(extension: str, padding: str) -> None:
    name = f"bomb.{extension}"
    with pytest.raises(RagkitError, match=r"entit|amplification") as raised:
        parse(Source(name=name, data=hostile(extension, padding + BOMB, "j")))
    assert name in raised.value.detail


@pytest.mark.parametrize("padding", ["", PADDING], ids=["plain", "padded"])
@pytest.mark.parametrize("extension", ["xml", "docx", "xlsx", "pptx", "odt"])
def test_external_entities_are_never_read(extension: str, padding: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("tulip-4711")
    prolog = f'{padding}<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    try:
        read = parse(Source(name=f"a.{extension}", data=hostile(extension, prolog, "e"))).text
    except RagkitError as error:
        read = error.detail
    assert "tulip" not in read


def test_a_megabyte_of_blanks_in_one_line_is_read() -> None:
    assert parse(Source(name="a.txt", data=b"begin" + b" " * 1_000_000 + b"end\n")).text.endswith("end")


def test_an_office_file_with_a_damaged_member_says_so() -> None:
    name, packed = b"word/document.xml", io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name.decode(), "<w>" + "A fact. " * 500 + "</w>")
    data = bytearray(packed.getvalue())
    start = data.index(name) + len(name)
    data[start : start + 4] = b"\xff" * 4
    with pytest.raises(ParseFailed, match="is damaged"):
        parse(Source(name="a.docx", data=bytes(data)))
