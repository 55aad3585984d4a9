"""Well-formed markup to text blocks.

The parser has made sense of the page and written it out again, so a regular expression can read it: one pass over the
tags, several times faster than walking the tree from Python.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.grid import Grid

__all__ = ["LAYOUT", "write_markup"]

LAYOUT = "data-layout"
"""Attribute of a table that only arranges the page: its cells are read as blocks."""

_TOKEN = re.compile(r"<!--.*?-->|<(/?)([a-zA-Z][^\s/>]*)((?:[^>\"]|\"[^\"]*\")*)>|([^<]+|<)", re.DOTALL)
_LANGUAGE = re.compile(r"\b(?:language|lang|brush|highlight)-([\w+#]+)")
_SPAN = re.compile(r"\b(col|row)span=\"(\d{1,4})\"")
_ALT = re.compile(r"\balt=\"([^\"]*)\"")
_START = re.compile(r"\bstart=\"(\d{1,6})\"")
_BREAK = "\v"
"""Where `<br>` stood."""
_BLOCKS = """
    address article aside blockquote body caption center details div fieldset figcaption figure footer form header
    hgroup hr html legend main menu optgroup option section summary
""".split()


def write_markup(builder: TextBuilder, markup: str) -> None:
    """Write the text of `markup`, which must be balanced HTML such as a parser writes."""
    writer = _Writer(builder)
    for slash, tag, attributes, text in _TOKEN.findall(markup):
        if text:
            writer.inline.append(html.unescape(text) if "&" in text else text)
        elif handler := (_CLOSE if slash else _OPEN).get(tag):
            handler(writer, tag, attributes)
    writer.flush()


class _Writer:
    """What is open at this point of the markup."""

    def __init__(self, builder: TextBuilder) -> None:
        self.builder = builder
        self.inline: list[str] = []
        self.lists: list[int | None] = []
        """Next number of each open list, None for bullets."""
        self.bullet: str | None = None
        """Stands before the next block: that of an item that has just opened."""
        self.heading = 0
        self.language: str | None = None
        """Of the open preformatted block; None outside of one."""
        self.tables: list[Grid | None] = []
        """None for a table that only arranges the page."""
        self.spans: dict[str, int] = {}
        self.term = False

    @property
    def grid(self) -> Grid | None:
        return self.tables[-1] if self.tables else None

    def flush(self, _tag: str = "", _attributes: str = "") -> None:
        """End the current block."""
        if self.grid is not None:
            self.inline.append(" ")
            return
        text = "".join(self.inline)
        self.inline.clear()
        self.term = False
        if not text or text.isspace():
            return
        if self.heading:
            self.builder.heading(self.heading, text)
        elif self.bullet is not None:
            self.builder.item(text, depth=max(0, len(self.lists) - 1), bullet=self.bullet)
            self.bullet = None
        elif _BREAK in text.strip():
            self.builder.lines("\n".join(" ".join(part.split()) for part in text.split(_BREAK)).strip())
        else:
            self.builder.paragraph(text)

    def open_heading(self, tag: str, _attributes: str) -> None:
        self.flush()
        self.heading, self.bullet = (int(tag[1]) if self.grid is None else 0), None

    def close_heading(self, _tag: str, _attributes: str) -> None:
        self.flush()
        self.heading = 0

    def open_list(self, tag: str, attributes: str) -> None:
        self.flush()
        first = _START.search(attributes)
        self.lists.append((int(first.group(1)) if first else 1) if tag == "ol" else None)

    def close_list(self, _tag: str, _attributes: str) -> None:
        self.flush()
        self.bullet = None
        if self.lists:
            self.lists.pop()
        if not self.lists:
            self.builder.end_list()

    def open_item(self, _tag: str, _attributes: str) -> None:
        self.flush()
        number = self.lists[-1] if self.lists else None
        self.bullet = "- " if number is None else f"{number}. "
        if number is not None:
            self.lists[-1] = number + 1

    def close_item(self, _tag: str, _attributes: str) -> None:
        self.flush()
        self.bullet = None

    def open_term(self, _tag: str, _attributes: str) -> None:
        self.flush()
        self.bullet = "- "

    def close_term(self, _tag: str, _attributes: str) -> None:
        """`- term: definition` on one line, so that no passage separates the two."""
        term = " ".join("".join(self.inline).split())
        if term and self.grid is None:
            self.inline = [term if term.endswith((":", ".", "?")) else f"{term}:", " "]
            self.term = True

    def open_paragraph(self, _tag: str, _attributes: str) -> None:
        still_term = self.term and not "".join(self.inline[2:]).strip()
        if not still_term:
            self.flush()

    def white_space(self, _tag: str, _attributes: str) -> None:
        self.inline.append(" ")

    def open_pre(self, _tag: str, attributes: str) -> None:
        self.flush()
        language = _LANGUAGE.search(attributes)
        self.language = language.group(1) if language else ""

    def open_code(self, _tag: str, attributes: str) -> None:
        if self.language == "" and (language := _LANGUAGE.search(attributes)):
            self.language = language.group(1)

    def close_pre(self, _tag: str, _attributes: str) -> None:
        language, self.language = self.language or "", None
        if self.grid is not None:
            return
        text = "".join(self.inline)
        self.inline.clear()
        if "\n" in text.strip("\n"):
            self.bullet = None
            self.builder.code(text, language)
        else:
            self.inline.append(text)
            self.flush()

    def line_break(self, _tag: str, _attributes: str) -> None:
        if self.language is not None:
            self.inline.append("\n")
        else:
            self.inline.append(_BREAK if self.grid is None and not self.heading and self.bullet is None else " ")

    def image(self, _tag: str, attributes: str) -> None:
        alt = _ALT.search(attributes)
        if alt and len(alt.group(1)) > 2:
            self.inline.append(f" {html.unescape(alt.group(1))} ")

    def open_table(self, _tag: str, attributes: str) -> None:
        self.flush()
        self.tables.append(None if LAYOUT in attributes else Grid())

    def close_table(self, _tag: str, _attributes: str) -> None:
        grid = self.tables.pop() if self.tables else None
        if grid is None:
            self.flush()
            return
        self.inline.clear()
        rows = [row for row in grid.rows if any(row)]
        if rows and (len(rows) == 1 or max(map(len, rows)) == 1):
            for row in rows:
                self.builder.paragraph(" ".join(row))
        else:
            self.builder.table(rows)

    def open_row(self, _tag: str, _attributes: str) -> None:
        if self.grid is None:
            self.flush()
        else:
            self.grid.row()

    def open_cell(self, _tag: str, attributes: str) -> None:
        if self.grid is None:
            self.flush()
        else:
            self.inline.clear()
            self.spans = {kind: int(count) for kind, count in _SPAN.findall(attributes)} if attributes else {}

    def close_cell(self, _tag: str, _attributes: str) -> None:
        if self.grid is None:
            self.flush()
        else:
            text = " ".join("".join(self.inline).split())
            self.inline.clear()
            self.grid.cell(text, columns=self.spans.get("col", 1), rows=self.spans.get("row", 1))


_Handler = Callable[[_Writer, str, str], None]
_OPEN: dict[str, _Handler] = {
    **dict.fromkeys(_BLOCKS, _Writer.flush),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), _Writer.open_heading),
    **dict.fromkeys(("ul", "ol", "dl", "menu"), _Writer.open_list),
    "br": _Writer.line_break,
    "code": _Writer.open_code,
    "dd": _Writer.open_paragraph,
    "dt": _Writer.open_term,
    "img": _Writer.image,
    "li": _Writer.open_item,
    "p": _Writer.open_paragraph,
    "pre": _Writer.open_pre,
    "table": _Writer.open_table,
    "td": _Writer.open_cell,
    "th": _Writer.open_cell,
    "tr": _Writer.open_row,
}
_CLOSE: dict[str, _Handler] = {
    **dict.fromkeys(_BLOCKS, _Writer.flush),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), _Writer.close_heading),
    **dict.fromkeys(("ul", "ol", "dl", "menu"), _Writer.close_list),
    "dd": _Writer.close_item,
    "dt": _Writer.close_term,
    "li": _Writer.close_item,
    "p": _Writer.flush,
    "pre": _Writer.close_pre,
    "table": _Writer.close_table,
    "td": _Writer.close_cell,
    "th": _Writer.close_cell,
    "tr": _Writer.flush,
}
