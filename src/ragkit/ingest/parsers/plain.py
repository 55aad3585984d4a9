"""Plain text, as it is."""

from __future__ import annotations

import re
from dataclasses import replace

from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.encoding import decode
from ragkit.protocols import Source
from ragkit.types import Heading, Parsed

__all__ = ["PlainText"]

_UNDERLINED = re.compile(r"(?:\A|\n\n)([^\n]{1,120})\n(={3,}|-{3,}|~{3,})\n")
_TITLE = re.compile(r"\A\s*(?:title|subject|titel)\s*:[ \t]*([^\n]{1,200})", re.IGNORECASE)


class PlainText:
    """Line breaks stay; underlined lines, as in reStructuredText, are headings."""

    name = "text/1"
    extensions = frozenset({".txt", ".text", ".log", ".rst", ".asc", ".asciidoc", ".adoc", ".vtt", ".srt", ".tex"})

    def parse(self, source: Source) -> Parsed:
        text = decode(source.data, name=source.name, encoding=source.options.get("encoding"))
        builder = TextBuilder()
        builder.lines(text)
        parsed = builder.parsed(title="", media_type="text/plain")
        headings = tuple(_underlined(parsed.text))
        named = _TITLE.match(parsed.text)
        title = one_line(named.group(1)) if named else headings[0].title if headings else ""
        return replace(parsed, headings=headings, title=title)


def _underlined(text: str) -> list[Heading]:
    """The level of a heading is the order in which its kind of underline first appears."""
    marks: list[str] = []
    headings = []
    for match in _UNDERLINED.finditer(text):
        mark = match.group(2)[0]
        if mark not in marks:
            marks.append(mark)
        headings.append(Heading(level=marks.index(mark) + 1, title=one_line(match.group(1)), start=match.start(1)))
    return headings
