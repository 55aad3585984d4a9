"""Word, rich text and e-books, read by unstructured."""

from __future__ import annotations

import io

from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.charts import charts_of
from ragkit.ingest.parsers.package import checked_package, properties
from ragkit.ingest.parsers.partition import partitioner, write_elements
from ragkit.ingest.parsers.word_xml import asides, with_plain_formulas
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["Epub", "RichText", "Word"]


class Word:
    """Headings by style, lists, tables; text boxes, notes and charts at the end; page headers and footers left out."""

    name = "docx/2"
    extensions = frozenset({".docx", ".docm", ".dotx"})

    def parse(self, source: Source) -> Parsed:
        data = checked_package(source)
        builder = TextBuilder()
        write_elements(builder, partitioner("docx")(file=io.BytesIO(with_plain_formulas(data))))
        for paragraph in asides(data):
            builder.paragraph(paragraph)
        for rows in charts_of(data, "word/charts"):
            builder.table(rows)
        return _finished(builder, data, "application/vnd.openxmlformats-officedocument.wordprocessingml.document")


class Epub:
    """The chapters in reading order."""

    name = "epub/1"
    extensions = frozenset({".epub"})

    def parse(self, source: Source) -> Parsed:
        data = checked_package(source)
        builder = TextBuilder()
        write_elements(builder, partitioner("epub")(file=io.BytesIO(data)))
        return _finished(builder, data, "application/epub+zip")


class RichText:
    """Through pandoc, which the package brings along."""

    name = "rtf/1"
    extensions = frozenset({".rtf"})

    def parse(self, source: Source) -> Parsed:
        builder = TextBuilder()
        write_elements(builder, partitioner("rtf")(file=io.BytesIO(source.data)))
        return builder.parsed(title="", media_type="application/rtf")


def _finished(builder: TextBuilder, data: bytes, media_type: str) -> Parsed:
    metadata = properties(data)
    return builder.parsed(title=metadata.pop("title", ""), media_type=media_type, metadata=metadata)
