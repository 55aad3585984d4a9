"""OCR by the real tesseract: `make test-system` installs it and runs these."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers import parse, parser_for
from ragkit.parsed import Parsed
from ragkit.protocols import Source
from tests.documents import FACT, pdf

pytestmark = pytest.mark.system

SECOND = "The error code is E-4012."


def pictures(*pages: Sequence[str]) -> list[Any]:
    """Each page as it would come from a scanner."""
    import pypdfium2

    with pypdfium2.PdfDocument(pdf(*pages)) as document:
        return [page.render(scale=200 / 72, grayscale=True).to_pil() for page in document]


def scan(kind: str, *pages: Sequence[str]) -> bytes:
    first, *rest = pictures(*pages)
    written = io.BytesIO()
    first.save(written, format=kind, **({"save_all": True, "append_images": rest} if rest else {}))
    return written.getvalue()


def mixed(*documents: bytes) -> bytes:
    """One PDF of the pages of several."""
    import pypdfium2

    written = io.BytesIO()
    with pypdfium2.PdfDocument.new() as target:
        for data in documents:
            target.import_pages(pypdfium2.PdfDocument(data))
        target.save(written)
    return written.getvalue()


def read(name: str, data: bytes, **options: str) -> Parsed:
    return parse(Source(name=name, data=data, options=options))


def pages(parsed: Parsed) -> list[str]:
    return [parsed.text[page.start : page.end].strip() for page in parsed.pages]


def test_a_scanned_pdf_is_read_page_by_page() -> None:
    parsed = read("scan.pdf", scan("PDF", [FACT], [SECOND]))
    assert pages(parsed) == [FACT, SECOND]
    assert parsed.needs_ocr == ()


def test_only_the_page_without_text_is_read_from_its_picture() -> None:
    parsed = read("a.pdf", mixed(pdf(["Words of the text layer."]), scan("PDF", [FACT]), pdf(["The end."])))
    assert pages(parsed) == ["Words of the text layer.", FACT, "The end."]
    assert parsed.warnings == ()


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.tiff", "TIFF")])
def test_a_picture_of_text_is_a_document(name: str, kind: str) -> None:
    parsed = read(name, scan(kind, [FACT]))
    assert parsed.text == FACT
    assert parsed.media_type == f"image/{kind.lower()}"


def test_the_frames_of_a_tiff_are_pages() -> None:
    assert pages(read("fax.tif", scan("TIFF", [FACT], [SECOND]))) == [FACT, SECOND]


def test_a_word_split_at_the_end_of_a_line_is_whole() -> None:
    assert "measurements" in read("a.png", scan("PNG", ["The gateway sends its measure-", "ments to the cloud."])).text


def test_a_blank_picture_is_not_a_success() -> None:
    with pytest.raises(ParseFailed, match=r"'a\.png' is a picture in which OCR finds no text"):
        read("a.png", scan("PNG", []))


def test_a_language_that_is_not_installed_is_named_with_its_package() -> None:
    with pytest.raises(ParseFailed, match="tesseract failed") as raised:
        read("a.png", scan("PNG", [FACT]), ocr_languages="chi_tra")
    assert "apt-get install tesseract-ocr-chi-tra" in (raised.value.hint or "")


def test_a_damaged_picture_says_so() -> None:
    with pytest.raises(ParseFailed, match="damaged or not a picture"):
        read("a.png", scan("PNG", [FACT])[:400])


def test_documents_are_read_again_once_there_is_ocr() -> None:
    assert parser_for(Source(name="a.pdf", data=pdf([FACT]))).name.startswith("pdf+ocr/")
