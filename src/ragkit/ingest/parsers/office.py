"""Word, OpenDocument, rich text and e-books, read by unstructured."""

from __future__ import annotations

import io

from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.package import checked_package, properties
from ragkit.ingest.parsers.partition import partitioner, write_elements
from ragkit.protocols import Source
from ragkit.types import Parsed

__all__ = ["Epub", "OpenDocument", "RichText", "Word"]

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class Word:
    """Headings by style, lists, tables; headers and footers left out."""

    name = "docx/1"
    extensions = frozenset({".docx", ".docm", ".dotx"})

    def parse(self, source: Source) -> Parsed:
        return _parse_package(source, "docx", _WORD)


class OpenDocument:
    """Through pandoc, which the package brings along."""

    name = "odt/1"
    extensions = frozenset({".odt"})

    def parse(self, source: Source) -> Parsed:
        return _parse_package(source, "odt", "application/vnd.oasis.opendocument.text")


class Epub:
    """The chapters in reading order."""

    name = "epub/1"
    extensions = frozenset({".epub"})

    def parse(self, source: Source) -> Parsed:
        return _parse_package(source, "epub", "application/epub+zip")


class RichText:
    """Through pandoc, which the package brings along."""

    name = "rtf/1"
    extensions = frozenset({".rtf"})

    def parse(self, source: Source) -> Parsed:
        builder = TextBuilder()
        write_elements(builder, partitioner("rtf")(file=io.BytesIO(source.data)))
        return builder.parsed(title="", media_type="application/rtf")


def _parse_package(source: Source, kind: str, media_type: str) -> Parsed:
    data = checked_package(source)
    metadata = properties(data)
    builder = TextBuilder()
    write_elements(builder, partitioner(kind)(file=io.BytesIO(data)))
    return builder.parsed(title=metadata.pop("title", ""), media_type=media_type, metadata=metadata)
