"""Parts of a document's text, by offsets or by page."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.errors import NotFound
from ragkit.types import Document, DocumentView

__all__ = ["Excerpt", "excerpt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A part of the text of a document: `document.text[start:end] == text`."""

    document: Document
    start: int
    end: int
    length: int
    """Of the whole text."""
    text: str


def excerpt(view: DocumentView, *, start: int, end: int | None, page: int | None) -> Excerpt:
    """Cut it out of a document, which has its chunks where a page is asked for.

    Raises:
        NotFound: There is no text on the page.
    """
    length = len(view.text)
    first, last = 0, length
    if page is not None:
        spans = [(chunk.start, chunk.end) for chunk in view.chunks if chunk.page == page]
        if not spans:
            raise NotFound(f"Page {page} of {view.document.uri!r} has no text.")
        first, last = min(spans)[0], max(end for _, end in spans)
    first = min(max(first, start), length)
    last = max(first, last if end is None else min(last, end))
    return Excerpt(document=view.document, start=first, end=last, length=length, text=view.text[first:last])
