"""PDF: the text layer, page by page, with paragraphs put together again; OCR for the pages that have none."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragkit.errors import NeedsOcr, ParseFailed
from ragkit.ingest.parsers.builder import TextBuilder, one_line, pages_have
from ragkit.ingest.parsers.limits import Limits
from ragkit.ingest.parsers.ocr import GIVEN_UP, Ocr, available
from ragkit.ingest.parsers.pdf_furniture import without_furniture
from ragkit.ingest.parsers.pdf_headings import Headings
from ragkit.ingest.parsers.pdf_layout import Block, blocks_of
from ragkit.ingest.parsers.pdf_order import Line, reading_order
from ragkit.ingest.parsers.pdf_tables import Table
from ragkit.ingest.parsers.pdf_text import read_page
from ragkit.parsed import Parsed
from ragkit.protocols import Source

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfiumError, PdfPage

__all__ = ["Pdf"]

_PDFIUM = threading.Lock()
"""PDFium may be called by one thread at a time, whatever the documents."""
_METADATA = {
    "Author": "author", "Subject": "subject", "Keywords": "keywords", "CreationDate": "created", "ModDate": "modified",
}  # fmt: skip
_SAYS_NOTHING = frozenset({"anonymous", "powerpoint presentation", "slide 1", "unspecified", "untitled"})
_DATE = re.compile(r"(?:D:)?(\d{4})(?:-?(0[1-9]|1[0-2])(?:-?(0[1-9]|[12]\d|3[01]))?)?")
_STAMP_CHARS = 30
_OCR_DPI = 300
_OCR_PIXELS = 25_000_000


@dataclass(slots=True)
class _Pages:
    """What was read of the pages; numbers begin at 1."""

    items: list[list[Line | Table]] = field(default_factory=list)
    ocr: dict[int, str] = field(default_factory=dict)
    without_text: list[int] = field(default_factory=list)
    slow: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)


class Pdf:
    """Pages, headings (from the outline, or by their size) and metadata; pages without text are read by OCR."""

    extensions = frozenset({".pdf"})

    @property
    def name(self) -> str:
        """Another one where there is OCR: once it is installed, documents are read again, with their missing pages."""
        return "pdf+ocr/3" if available() else "pdf/3"

    def parse(self, source: Source) -> Parsed:
        with _PDFIUM:
            document = _open(source)
            try:
                return _read(document, source)
            finally:
                document.close()


def _open(source: Source) -> PdfDocument:
    """Opened without a password where that will do: the one of a pipeline is meant for those files that need it."""
    import pypdfium2

    given = source.options.get("password")
    for password in [None, given] if given else [None]:
        try:
            return pypdfium2.PdfDocument(source.data, password=password)
        except pypdfium2.PdfiumError as error:
            if not _wants_password(error):
                raise ParseFailed(
                    f"{source.name!r} is damaged or not a PDF: {error}.",
                    hint="Open it in a PDF viewer and save it again, or exclude it.",
                ) from error
    reason = "the password given does not open it" if given else "it needs a password"
    raise ParseFailed(
        f"{source.name!r} is encrypted: {reason}.",
        hint="Set `password` in the pipeline's parser options, or save the file without encryption.",
    )


def _wants_password(error: PdfiumError) -> bool:
    from pypdfium2.raw import FPDF_ERR_PASSWORD

    return getattr(error, "err_code", None) == FPDF_ERR_PASSWORD or "password" in str(error).lower()


def _read(document: PdfDocument, source: Source) -> Parsed:
    ocr = Ocr.of(source)
    Limits.of(source).check_pages(len(document), name=source.name, kind="pages")
    pages = _Pages()
    for number in range(1, len(document) + 1):
        try:
            _read_page(document[number - 1], number, ocr, pages)
        except ParseFailed:
            raise
        except Exception:  # PDFium wrappers raise many kinds; one bad page must not cost the others
            pages.items[number - 1 :] = [[]]
            pages.damaged.append(number)
    if not any(pages.items) and not pages.ocr:
        raise _nothing_in(pages, source.name, ocr)
    builder = TextBuilder()
    items, running = without_furniture(pages.items)
    _write(builder, blocks_of(items, Headings(items, _outline(document))), pages.ocr)
    builder.needs_ocr(pages.without_text, ocr.missing)
    builder.needs_ocr(pages.slow, GIVEN_UP)
    if pages.damaged:
        builder.warn(f"{pages_have(pages.damaged)} damage and could not be read.")
    title, metadata = _properties(document)
    return builder.parsed(title=title, media_type="application/pdf", metadata=metadata | running)


def _nothing_in(pages: _Pages, name: str, ocr: Ocr) -> ParseFailed:
    count = len(pages.items)
    nowhere = f"{name!r} has no text on its only page" if count == 1 else f"{name!r} has no text on its {count} pages"
    if pages.without_text:
        return NeedsOcr(f"{nowhere}; {ocr.missing}")
    if pages.slow:
        return NeedsOcr(f"{nowhere}; {GIVEN_UP}")
    if pages.damaged:
        return ParseFailed(f"{name!r} is damaged on all of its pages.", hint="Save it again in a PDF viewer.")
    return ParseFailed(f"{nowhere}; OCR finds none either.")


def _read_page(page: PdfPage, number: int, ocr: Ocr, pages: _Pages) -> None:
    try:
        items = reading_order(*read_page(page))
        pages.items.append(items)
        if items and not _is_stamped_scan(page, items):
            return
        if ocr.missing:
            pages.without_text.append(number)
        elif _has_objects(page) and (text := ocr.read(_picture(page))):
            pages.ocr[number] = text
    except TimeoutError:
        pages.slow.append(number)
    finally:
        page.close()


def _is_stamped_scan(page: PdfPage, items: Sequence[Line | Table]) -> bool:
    """Whether all text of the page is a stamp, such as a page number, on a picture that covers most of it."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    if sum(len(item.text) if isinstance(item, Line) else _STAMP_CHARS for item in items) > _STAMP_CHARS:
        return False
    needed = 0.5 * page.get_width() * page.get_height()
    bounds = (picture.get_bounds() for picture in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]))
    return any((right - left) * (top - bottom) > needed for left, bottom, right, top in bounds)


def _has_objects(page: PdfPage) -> bool:
    return next(iter(page.get_objects(max_depth=1)), None) is not None


def _picture(page: PdfPage) -> Any:
    """The page in shades of grey, as tesseract likes it, unless that is too large."""
    area = page.get_width() * page.get_height()
    scale = min(_OCR_DPI / 72, (_OCR_PIXELS / max(area, 1)) ** 0.5)
    return page.render(scale=scale, grayscale=True).to_pil()


def _properties(document: PdfDocument) -> tuple[str, dict[str, str]]:
    """The title, and what else the document says of itself; dates as ISO 8601, to the day."""
    found = {key: one_line(value) for key, value in document.get_metadata_dict(skip_empty=True).items()}
    found = {key: value for key, value in found.items() if value.strip("() ").lower() not in _SAYS_NOTHING}
    kept = {name: found[key] for key, name in _METADATA.items() if found.get(key)}
    for name in ("created", "modified"):
        if match := _DATE.match(kept.pop(name, "")):
            kept[name] = "-".join(filter(None, match.groups()))
    title = found.get("Title", "")
    return "" if _is_file_name(title) else title, kept


def _is_file_name(title: str) -> bool:
    """Word processors write the name of their own file as the title."""
    return title.lower().strip().endswith((".doc", ".docx", ".dvi", ".tex", ".ppt", ".pptx", ".indd", ".odt", ".pdf"))


def _outline(document: PdfDocument) -> dict[int, list[tuple[str, int]]]:
    """Titles and levels by the page to which they lead."""
    titles: dict[int, list[tuple[str, int]]] = {}
    try:
        for bookmark in document.get_toc(max_depth=6):
            title, target = one_line(bookmark.get_title()), bookmark.get_dest()
            page = target.get_index() if target else None
            if title and page is not None:
                titles.setdefault(page + 1, []).append((title, bookmark.level + 1))
    except Exception:  # a damaged outline; the text is still good
        return {}
    return titles


def _write(builder: TextBuilder, pages: Sequence[Sequence[Block]], ocr: Mapping[int, str]) -> None:
    for number, blocks in enumerate(pages, 1):
        builder.page(number)
        if number in ocr:
            builder.lines(ocr[number])
            continue
        for block in blocks:
            if block.rows:
                builder.table(block.rows)
            elif block.level:
                builder.heading(block.level, block.text, mark=False)
            elif block.continues:
                builder.continued(block.text)
            else:
                builder.lines(block.text)
