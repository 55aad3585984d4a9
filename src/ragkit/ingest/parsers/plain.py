"""Plain text, as it is."""

from __future__ import annotations

import re
from dataclasses import replace

from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.encoding import decode
from ragkit.parsed import Heading, Parsed
from ragkit.protocols import Source

__all__ = ["PlainText"]

_UNDERLINED = re.compile(r"(?:\A|\n\n)([^\n]{1,120})\n(={3,}|-{3,}|~{3,})\n")
_STANDING_ALONE = re.compile(r"(?:\A|\n\n)(?=([^\n]{3,90})\n\n)")
_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)[.)]?[ \t]+\S")
_CUE = re.compile(r"^(?:WEBVTT[^\n]*|NOTE\b[^\n]*|(?:[\w-]+\n)?[\d:.,]+[ \t]+-->[^\n]*|)\n", re.MULTILINE)
_VOICE = re.compile(r"<v[.\w]*[ \t]+([^>]*)>")
_TAG = re.compile(r"</?[a-z][^>\n]*>|<[\d:.]+>")
_TITLE = re.compile(r"\A\s*(?:title|subject|titel)\s*:[ \t]*([^\n]{1,200})", re.IGNORECASE)


class PlainText:
    """Line breaks stay; underlined lines, as in reStructuredText, are headings."""

    name = "text/1"
    extensions = frozenset({".txt", ".text", ".log", ".rst", ".asc", ".asciidoc", ".adoc", ".vtt", ".srt", ".tex"})

    def parse(self, source: Source) -> Parsed:
        text = decode(source.data, name=source.name, encoding=source.options.get("encoding"))
        if source.name.lower().endswith((".vtt", ".srt")):
            text = _spoken(text)
        builder = TextBuilder()
        builder.lines(text)
        parsed = builder.parsed(title="", media_type="text/plain")
        headings = sorted([*_underlined(parsed.text), *_standing_alone(parsed.text)], key=lambda heading: heading.start)
        named = _TITLE.match(parsed.text)
        title = one_line(named.group(1)) if named else ""
        return replace(parsed, headings=tuple(headings), title=title or _first_line(parsed.text, headings))


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


def _standing_alone(text: str) -> list[Heading]:
    """Short lines between blank lines that are numbered, in capitals, or a question: `2.1 Scope`, `SCOPE`, `Why?`."""
    headings = []
    for match in _STANDING_ALONE.finditer(text):
        line = match.group(1).strip()
        number = _NUMBER.match(line)
        is_heading = number or line.isupper() or line.endswith("?")
        if is_heading and line[-1] not in ".,;:!" and any(map(str.isalpha, line)):
            level = 2 + number.group(1).count(".") if number else 2
            headings.append(Heading(level=level, title=one_line(line), start=match.start(1)))
    return headings


def _first_line(text: str, headings: list[Heading]) -> str:
    """The title of a text that begins with one: a short line, not a sentence, before anything else."""
    if headings and headings[0].start == 0:
        return headings[0].title
    line = text.split("\n", 1)[0].strip()
    is_title = 3 <= len(line) <= 90 and line[-1] not in ".,;:!?" and line[0].isalnum() and "\n" in text
    return one_line(line) if is_title and ": " not in line else ""


def _spoken(text: str) -> str:
    """What is said in subtitles, without numbers, times and marks."""
    text = _CUE.sub("", text.replace("\r\n", "\n"))
    return _TAG.sub("", _VOICE.sub(r"\1: ", text))
