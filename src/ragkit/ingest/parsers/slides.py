"""PowerPoint, read by unstructured: a page is a slide, with its charts and notes."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import Any

from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.charts import chart_rows
from ragkit.ingest.parsers.limits import Limits
from ragkit.ingest.parsers.package import checked_package, properties
from ragkit.ingest.parsers.partition import partitioner, write_elements
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["PowerPoint"]


class PowerPoint:
    """The title of a slide is a heading; other short lines are text, whatever they look like."""

    name = "pptx/1"
    extensions = frozenset({".pptx", ".pptm", ".ppsx"})

    def parse(self, source: Source) -> Parsed:
        data = checked_package(source)
        metadata = properties(data)
        slides = _slides(data)
        Limits.of(source).check_pages(len(slides), name=source.name, kind="slides")
        elements: dict[int, list[Any]] = defaultdict(list)
        for element in partitioner("pptx")(file=io.BytesIO(data), include_page_breaks=False):
            elements[element.metadata.page_number or 1].append(element)
        builder = TextBuilder()
        for number, slide in enumerate(slides, 1):
            builder.page(number)
            write_elements(builder, elements[number], deepest_title=0)
            for shape in slide.shapes:
                if getattr(shape, "has_chart", False):
                    builder.table(chart_rows(shape.chart.part.blob))
            if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame):
                builder.lines(_labelled(frame.text))
        title = metadata.pop("title", "")
        return builder.parsed(
            title="" if title.lower() == "powerpoint presentation" else title,
            media_type="application/vnd.openxmlformats-officedocument.presentationml.presentation",
            metadata=metadata,
        )


def _slides(data: bytes) -> list[Any]:
    from pptx import Presentation

    return list(Presentation(io.BytesIO(data)).slides)


def _labelled(notes: str) -> str:
    return f"Notes: {notes.strip()}" if notes.strip() else ""
