"""PDF: the text layer, page by page, with paragraphs put together again."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.pdf_layout import Line, paragraphs, without_furniture
from ragkit.parsed import Parsed
from ragkit.protocols import Source

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

__all__ = ["Pdf"]

_PDFIUM = threading.Lock()
"""PDFium may be called by one thread at a time, whatever the documents."""
_METADATA = {
    "Author": "author", "Subject": "subject", "Keywords": "keywords", "CreationDate": "created", "ModDate": "modified",
}  # fmt: skip
_SAYS_NOTHING = frozenset({"anonymous", "powerpoint presentation", "slide 1", "unspecified", "untitled"})
_LINE_END = re.compile(r"\r?\n|(?<=\ufffe)|(?<=\x02)")
"""PDFium writes a hyphen at the end of a line as U+FFFE or U+0002, and no line break."""
_NEEDS_OCR = "it needs OCR"
_MAX_LISTED = 20


class Pdf:
    """Pages, headings (from the outline, or by their size) and metadata; no OCR."""

    name = "pdf/1"
    extensions = frozenset({".pdf"})

    def parse(self, source: Source) -> Parsed:
        with _PDFIUM:
            document = _open(source)
            try:
                return _read(document, source.name)
            finally:
                document.close()


def _open(source: Source) -> PdfDocument:
    import pypdfium2
    from pypdfium2.raw import FPDF_ERR_PASSWORD

    password = source.options.get("password")
    try:
        return pypdfium2.PdfDocument(source.data, password=password)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == FPDF_ERR_PASSWORD or "password" in str(error).lower():
            given = "the password given does not open it" if password else "it needs a password"
            raise ParseFailed(
                f"{source.name!r} is encrypted: {given}.",
                hint="Set `password` in the pipeline's parser options, or save the file without encryption.",
            ) from error
        raise ParseFailed(
            f"{source.name!r} is damaged or not a PDF: {error}.",
            hint="Open it in a PDF viewer and save it again, or exclude it.",
        ) from error


def _read(document: PdfDocument, name: str) -> Parsed:
    pages: list[list[Line]] = []
    unreadable: list[int] = []
    for number in range(len(document)):
        try:
            pages.append(_lines_of(document, number))
        except Exception:  # PDFium wrappers raise many kinds; one bad page must not cost the others
            pages.append([])
            unreadable.append(number + 1)
    if not any(pages):
        raise ParseFailed(
            f"{name!r} has no text on any of its {len(pages)} pages: {_NEEDS_OCR}.",
            hint="It is probably a scan. Run OCR over it (for example with ocrmypdf) and ingest the result.",
        )
    builder = TextBuilder()
    _write(builder, pages, _outline(document))
    _warn_of_empty(builder, pages, unreadable)
    metadata = {key: _date(value) for key, value in document.get_metadata_dict(skip_empty=True).items()}
    metadata = {key: value for key, value in metadata.items() if value.strip("() ").lower() not in _SAYS_NOTHING}
    kept = {_METADATA[key]: value for key, value in metadata.items() if key in _METADATA}
    title = metadata.get("Title", "")
    return builder.parsed(title="" if _is_file_name(title) else title, media_type="application/pdf", metadata=kept)


def _is_file_name(title: str) -> bool:
    """Word processors write the name of their own file as the title."""
    return title.lower().strip().endswith((".doc", ".docx", ".dvi", ".tex", ".ppt", ".pptx", ".indd", ".odt", ".pdf"))


def _date(value: str) -> str:
    """`D:20240301120000Z` as `2024-03-01`."""
    if value.startswith("D:") and value[2:10].isdigit():
        return f"{value[2:6]}-{value[6:8]}-{value[8:10]}"
    return value


def _warn_of_empty(builder: TextBuilder, pages: list[list[Line]], unreadable: list[int]) -> None:
    empty = [number for number, lines in enumerate(pages, 1) if not lines and number not in unreadable]
    for number in empty[:_MAX_LISTED]:
        builder.warn(f"page {number} has no text: {_NEEDS_OCR}")
    if len(empty) > _MAX_LISTED:
        builder.warn(f"{len(empty) - _MAX_LISTED} more pages have no text")
    for number in unreadable[:_MAX_LISTED]:
        builder.warn(f"page {number} is damaged and was left out")


def _lines_of(document: PdfDocument, index: int) -> list[Line]:
    page = document[index]
    try:
        text_page = page.get_textpage()
        try:
            return list(_lines(text_page))
        finally:
            text_page.close()
    finally:
        page.close()


def _lines(text_page: PdfTextPage) -> Iterator[Line]:
    from pypdfium2.raw import FPDFText_GetFontSize

    text = text_page.get_text_range()
    count = text_page.count_chars()
    position = 0
    for line, after in _split_lines(text):
        stripped = line.strip()
        if stripped:
            first = position + len(line) - len(line.lstrip())
            last = position + len(line.rstrip()) - 1
            left, bottom, right, top, size = 0.0, 0.0, 0.0, 0.0, 0.0
            if last < count:
                left, bottom, _, top = text_page.get_charbox(first, loose=True)
                right = text_page.get_charbox(last, loose=True)[2]
                size = FPDFText_GetFontSize(text_page, first)
            yield Line(text=stripped, left=left, right=right, top=top, bottom=bottom, size=round(size, 1))
        position = after


def _split_lines(text: str) -> Iterator[tuple[str, int]]:
    """Each line, and where the next one begins."""
    position = 0
    for match in _LINE_END.finditer(text):
        yield text[position : match.start()], match.end()
        position = match.end()
    yield text[position:], len(text)


def _outline(document: PdfDocument) -> dict[str, int]:
    """Heading titles to levels."""
    levels: dict[str, int] = {}
    try:
        for bookmark in document.get_toc(max_depth=6):
            title = one_line(_bookmark_title(bookmark))
            if title:
                levels.setdefault(title.casefold(), bookmark.level + 1)
    except Exception:  # a damaged outline; the text is still good
        return {}
    return levels


def _bookmark_title(bookmark: Any) -> str:
    title = bookmark.get_title() if hasattr(bookmark, "get_title") else bookmark.title
    return str(title or "")


def _write(builder: TextBuilder, pages: list[list[Line]], outline: dict[str, int]) -> None:
    open_end = False
    for number, blocks in enumerate(paragraphs(without_furniture(pages), outline), 1):
        builder.page(number)
        for block in blocks:
            if block.level:
                builder.heading(block.level, block.text, mark=False)
            elif open_end and block.text[:1].islower():
                builder.continued(block.text)
            else:
                builder.lines(block.text)
            open_end = False
        if blocks:
            open_end = not blocks[-1].level and blocks[-1].text[-1:] not in ".!?:;"
