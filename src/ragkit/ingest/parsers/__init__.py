"""Parsers: the bytes of a file to one text with spans over it.

`PARSERS` is the order in which they are asked. Heavy libraries are imported by the parse functions that need them.
"""

from __future__ import annotations

from dataclasses import replace

from ragkit.errors import ParseFailed, RagkitError, UnsupportedFormat
from ragkit.ingest.parsers.archive import Archive
from ragkit.ingest.parsers.builder import clean_stem
from ragkit.ingest.parsers.code import SourceCode
from ragkit.ingest.parsers.delimited import Delimited
from ragkit.ingest.parsers.email import Email, OutlookMessage
from ragkit.ingest.parsers.html import Html
from ragkit.ingest.parsers.image import Image
from ragkit.ingest.parsers.markdown import Markdown
from ragkit.ingest.parsers.office import Epub, RichText, Word
from ragkit.ingest.parsers.opendocument import OpenDocument
from ragkit.ingest.parsers.pdf import Pdf
from ragkit.ingest.parsers.plain import PlainText
from ragkit.ingest.parsers.records import Json
from ragkit.ingest.parsers.slides import PowerPoint
from ragkit.ingest.parsers.sniff import extension_of, sniff, text_kind
from ragkit.ingest.parsers.spreadsheet import LegacySpreadsheet, Spreadsheet
from ragkit.ingest.parsers.xml import Xml
from ragkit.parsed import Parsed
from ragkit.protocols import Parser, Source

__all__ = ["CONTAINERS", "PARSERS", "PARSER_NAMES", "content_title", "parse", "parser_for"]

PARSERS: tuple[Parser, ...] = (
    Markdown(), Html(), PlainText(), Pdf(), Word(), PowerPoint(), Spreadsheet(), LegacySpreadsheet(), Delimited(),
    Email(), OutlookMessage(), Epub(), OpenDocument(), RichText(), Json(), Xml(), SourceCode(),
    Image(), Archive(),
)  # fmt: skip

PARSER_NAMES = frozenset(parser.name for parser in PARSERS)
CONTAINERS = frozenset({Archive.name, Email.name, OutlookMessage.name})
"""Names of the parsers that find other files in a file."""

_KINDS = {
    ".bin": "unknown binary data",
    ".doc": "Word before 2007",
    ".ole": "an old Office format",
    ".ppt": "PowerPoint before 2007",
    ".package": "a ZIP archive that belongs to some program",
}


def parser_for(source: Source) -> Parser:
    """The parser of the file's extension, unless the bytes are plainly something else.

    Raises:
        ParseFailed: The file is empty.
        UnsupportedFormat: No parser reads this kind of file.
    """
    if not source.data:
        raise ParseFailed(f"{source.name!r} is empty.", hint="A file of zero bytes has nothing to find.")
    extension = extension_of(source)
    found = sniff(source.data, extension)
    for wanted in [found] if found else [extension, text_kind(source.data)]:
        for parser in PARSERS:
            if wanted in parser.extensions:
                return parser
    raise UnsupportedFormat(
        f"{source.name!r} is of a kind that no parser reads ({_KINDS.get(found, found)}).",
        hint="Convert it to a format that is read, such as PDF, or exclude it in the pipeline.",
    )


def parse(source: Source) -> Parsed:
    """Choose a parser, read the file, and make sure that there is something to find in it: text, or other files.

    Raises:
        ParseFailed: It is damaged, encrypted, or has no text.
        UnsupportedFormat: No parser reads this kind of file.
        MemoryError: The process may take no more.
    """
    parser = parser_for(source)
    try:
        parsed = parser.parse(source)
    except (RagkitError, MemoryError):
        raise
    except Exception as error:  # a parser's library may raise anything on damaged input
        reason = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
        raise ParseFailed(
            f"{source.name!r} could not be read as {parser.name.split('/')[0]}: {reason}.",
            hint="Open it in the program that wrote it and save it again, or exclude it.",
        ) from error
    if not parsed.text.strip() and not parsed.attachments:
        reasons = "; ".join(parsed.warnings[:5])
        raise ParseFailed(f"{source.name!r} holds no text{': ' + reasons if reasons else ''}.")
    return parsed if parsed.title else replace(parsed, title=clean_stem(source.name))


def content_title(parsed: Parsed, name: str) -> str:
    """The title, unless it was made of the file name: that is never embedded, and a renamed file keeps its vectors."""
    return "" if parsed.title == clean_stem(name) else parsed.title
