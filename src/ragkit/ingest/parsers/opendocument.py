"""OpenDocument text, spreadsheets and presentations (ISO/IEC 26300), read from their XML.

Not through pandoc, as unstructured does it: that loses charts, nested tables, comments and columns of merged tables.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.grid import Grid
from ragkit.ingest.parsers.limits import Limits
from ragkit.ingest.parsers.package import checked_package, properties
from ragkit.ingest.parsers.spreadsheet import MAX_COLUMNS, MAX_ROWS, write_rows
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["OpenDocument"]

Element = ElementTree.Element

_NAMESPACE = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TEXT, _TABLE, _DRAW, _OFFICE, _STYLE, _PRESENTATION = (
    _NAMESPACE % name for name in ("text", "table", "drawing", "office", "style", "presentation")
)
_SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
_CHART_TITLE = "{urn:oasis:names:tc:opendocument:xmlns:chart:1.0}title"
_HREF = "{http://www.w3.org/1999/xlink}href"
_LEFT_OUT = frozenset({
    f"{_TEXT}tracked-changes", f"{_TEXT}table-of-content", f"{_TEXT}alphabetical-index", f"{_TEXT}sequence-decls",
    f"{_OFFICE}forms", f"{_TABLE}shapes", f"{_TABLE}calculation-settings", f"{_TABLE}named-expressions",
})  # fmt: skip
_MEDIA_TYPES = {"text": "application/vnd.oasis.opendocument.text",
                "spreadsheet": "application/vnd.oasis.opendocument.spreadsheet",
                "presentation": "application/vnd.oasis.opendocument.presentation"}  # fmt: skip


class OpenDocument:
    """Headings, lists, tables with spanned cells, text boxes, charts, notes and comments; sheets; slides as pages."""

    name = "odt/2"
    extensions = frozenset({".odt", ".ott", ".ods", ".ots", ".odp", ".otp"})

    def parse(self, source: Source) -> Parsed:
        data = checked_package(source)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_encrypted(archive, source.name)
            root = ElementTree.fromstring(archive.read("content.xml"))  # noqa: S314  # entities were refused
            writer = _Writer(archive, root)
            body = root.find(f"{_OFFICE}body")
            content = body[0] if body is not None and len(body) else root
            Limits.of(source).check_pages(len(content.findall(f"{_DRAW}page")), name=source.name, kind="slides")
            writer.write(content)
        metadata = properties(data)
        kind = content.tag.rpartition("}")[2]
        media_type = _MEDIA_TYPES.get(kind, _MEDIA_TYPES["text"])
        return writer.builder.parsed(title=metadata.pop("title", ""), media_type=media_type, metadata=metadata)


def _refuse_encrypted(archive: zipfile.ZipFile, name: str) -> None:
    manifest = "META-INF/manifest.xml"
    if manifest in archive.namelist() and b"encryption-data" in archive.read(manifest):
        raise ParseFailed(f"{name!r} is encrypted: it needs a password.", hint="Save it without encryption.")


class _Writer:
    """Writes the blocks of a document; what is anchored in a paragraph comes after it, notes come after that."""

    def __init__(self, archive: zipfile.ZipFile, root: Element) -> None:
        self.builder = TextBuilder()
        self._archive = archive
        self._parents = {
            style.get(f"{_STYLE}name", ""): style.get(f"{_STYLE}parent-style-name", "")
            for style in root.iter(f"{_STYLE}style")
        }
        self._numbered = {
            style.get(f"{_STYLE}name", "")
            for style in root.iter(f"{_TEXT}list-style")
            if style.find(f"{_TEXT}list-level-style-number") is not None
        }
        self._handlers: dict[str, Callable[[Element], None]] = {
            f"{_TEXT}h": self._heading,
            f"{_TEXT}p": self._paragraph,
            f"{_TEXT}list": self._list,
            f"{_TABLE}table": self._table,
            f"{_DRAW}frame": self._frame,
            f"{_DRAW}page": self._slide,
            f"{_PRESENTATION}notes": self._notes,
            f"{_OFFICE}annotation": self._comment,
            f"{_OFFICE}spreadsheet": self._sheets,
        }
        self._slides = 0

    def write(self, element: Element) -> None:
        """Write an element of blocks, whatever it is."""
        handler = self._handlers.get(element.tag)
        if handler is not None:
            handler(element)
        elif element.tag not in _LEFT_OUT:
            for child in element:
                self.write(child)

    def _heading(self, element: Element) -> None:
        text, anchored = _inline(element)
        self.builder.heading(int(element.get(f"{_TEXT}outline-level", "1")), text)
        self._write_all(anchored)

    def _paragraph(self, element: Element) -> None:
        text, anchored = _inline(element)
        style = element.get(f"{_TEXT}style-name", "")
        if "Title" in (style, self._parents.get(style)):
            self.builder.heading(1, text)
        else:
            self.builder.lines("\n".join(" ".join(line.split()) for line in text.split("\n")))
        self._write_all(anchored)

    def _write_all(self, elements: list[Element]) -> None:
        for element in elements:
            self.write(element)

    def _list(self, element: Element, depth: int = 0, style: str = "") -> None:
        style = element.get(f"{_TEXT}style-name", style)
        number = 0
        for item in element:
            anchored: list[Element] = []
            lines = []
            for child in item:
                if child.tag in (f"{_TEXT}p", f"{_TEXT}h"):
                    text, more = _inline(child)
                    lines.append(text)
                    anchored += more
            if text := one_line(" ".join(lines)):
                number += 1
                self.builder.item(text, depth=depth, bullet=f"{number}. " if style in self._numbered else "- ")
            for child in item.findall(f"{_TEXT}list"):
                self._list(child, depth + 1, style)
            self._write_all(anchored)
        if not depth:
            self.builder.end_list()

    def _table(self, element: Element) -> None:
        grid = Grid()
        for row in _rows(element):
            grid.row()
            for cell in row.findall(f"{_TABLE}table-cell"):
                text = self._cell(cell)
                for _ in range(min(_repeated(cell, "columns"), MAX_COLUMNS if text else 1)):
                    grid.cell(text, columns=_spanned(cell, "columns"), rows=_spanned(cell, "rows"))
        write_rows(self.builder, grid.rows)

    def _cell(self, cell: Element) -> str:
        """All of a cell, which may hold lists and tables, on one line."""
        outside, self.builder = self.builder, TextBuilder()
        for child in cell:
            self.write(child)
        inside, self.builder = self.builder, outside
        return one_line(inside.parsed(title="", media_type="").text)

    def _frame(self, element: Element) -> None:
        """A text box, a chart or a picture, which its description stands for."""
        if element.get(f"{_PRESENTATION}class") == "title":
            texts = [_inline(paragraph)[0] for paragraph in element.iter(f"{_TEXT}p")]
            self.builder.heading(1, " ".join(texts))
            return
        for child in element:
            if child.tag == f"{_DRAW}object":
                self._object(child.get(_HREF, ""))
            elif child.tag in (f"{_SVG}title", f"{_SVG}desc"):
                self.builder.paragraph(child.text or "")
            else:
                self.write(child)

    def _object(self, href: str) -> None:
        name = f"{href.removeprefix('./')}/content.xml"
        if name not in self._archive.namelist():
            return
        root = ElementTree.fromstring(self._archive.read(name))  # noqa: S314  # entities were refused
        for title in root.iter(_CHART_TITLE):
            self.builder.paragraph("".join(title.itertext()))
        for table in root.iter(f"{_TABLE}table"):
            self._table(table)

    def _slide(self, element: Element) -> None:
        self._slides += 1
        self.builder.page(self._slides)
        for child in element:
            self.write(child)

    def _notes(self, element: Element) -> None:
        text = one_line(" ".join(_inline(paragraph)[0] for paragraph in element.iter(f"{_TEXT}p")))
        if text:
            self.builder.paragraph(f"Notes: {text}")

    def _comment(self, element: Element) -> None:
        text = one_line(" ".join(_inline(paragraph)[0] for paragraph in element.iter(f"{_TEXT}p")))
        if text:
            self.builder.paragraph(f"Comment: {text}")

    def _sheets(self, element: Element) -> None:
        for sheet in element.findall(f"{_TABLE}table"):
            rows = list(_sheet_rows(sheet))
            if any(map(any, rows)):
                self.builder.heading(1, sheet.get(f"{_TABLE}name", ""))
                write_rows(self.builder, rows)


def _inline(element: Element) -> tuple[str, list[Element]]:
    """The text of a paragraph, and what is anchored in it: frames, notes and comments."""
    parts: list[str] = []
    anchored: list[Element] = []

    def walk(node: Element) -> None:
        parts.append(node.text or "")
        for child in node:
            match child.tag.removeprefix(_TEXT):
                case "s" | "tab":
                    parts.append(" ")
                case "line-break":
                    parts.append("\n")
                case "note":
                    anchored.extend(child.findall(f"{_TEXT}note-body"))
                case _ if child.tag.startswith((_DRAW, _OFFICE)) and child.tag != f"{_DRAW}a":
                    anchored.append(child)
                case _:
                    walk(child)
            parts.append(child.tail or "")

    walk(element)
    return "".join(parts), anchored


def _rows(table: Element) -> Iterator[Element]:
    """The rows of a table, also of those in groups and headers, but not of tables inside it."""
    for child in table:
        if child.tag == f"{_TABLE}table-row":
            yield child
        elif child.tag.startswith(f"{_TABLE}table-"):
            yield from _rows(child)


def _sheet_rows(sheet: Element) -> Iterator[list[str]]:
    """Cells as they are shown; a cell merged downwards stands once, as in the file."""
    count = 0
    for row in _rows(sheet):
        cells: list[str] = []
        for cell in row:
            shown = "\n".join(_inline(paragraph)[0] for paragraph in cell.findall(f"{_TEXT}p"))
            cells += [shown] * min(_repeated(cell, "columns"), MAX_COLUMNS - len(cells))
        repeated = _repeated(row, "rows") if any(cells) else 1
        for _ in range(min(repeated, MAX_ROWS - count)):
            yield cells
        count += repeated


def _repeated(element: Element, what: str) -> int:
    return int(element.get(f"{_TABLE}number-{what}-repeated", "1"))


def _spanned(element: Element, what: str) -> int:
    return int(element.get(f"{_TABLE}number-{what}-spanned", "1"))
