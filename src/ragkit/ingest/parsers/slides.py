"""PowerPoint, read by unstructured: a page is a slide, with its notes."""

from __future__ import annotations

import io
from itertools import groupby
from typing import Any

from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.package import checked_package, properties
from ragkit.ingest.parsers.partition import partitioner, write_elements
from ragkit.protocols import Source
from ragkit.types import Parsed

__all__ = ["PowerPoint"]


class PowerPoint:
    """The title of a slide is a heading; other short lines are text, whatever they look like."""

    name = "pptx/1"
    extensions = frozenset({".pptx", ".pptm", ".ppsx"})

    def parse(self, source: Source) -> Parsed:
        data = checked_package(source)
        metadata = properties(data)
        elements = partitioner("pptx")(file=io.BytesIO(data), include_slide_notes=True, include_page_breaks=False)
        builder = TextBuilder()
        for number, slide in groupby(elements, key=_slide_number):
            builder.page(number)
            write_elements(builder, slide, deepest_title=0)
        title = metadata.pop("title", "")
        return builder.parsed(
            title="" if title.lower() == "powerpoint presentation" else title,
            media_type="application/vnd.openxmlformats-officedocument.presentationml.presentation",
            metadata=metadata,
        )


def _slide_number(element: Any) -> int:
    return int(element.metadata.page_number or 1)
