"""What a parser makes of a file and what a chunker makes of that: one text, and spans over it.

Offsets count Unicode code points; spans are half-open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Attachment", "Heading", "Page", "Parsed", "Piece"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page or slide: `text[start:end]` of the document."""

    number: int
    """As printed by a viewer, from 1."""
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading; its section runs to the next heading of the same or a higher level."""

    level: int
    """1 is the highest."""
    title: str
    start: int
    """Where the heading line begins in the document's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file inside a file: what is attached to a message, or a member of an archive."""

    name: str
    """POSIX path inside the container, safe to join: never absolute, no drive, no `..`."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a parser makes of a file: one text, and spans over it."""

    text: str
    title: str
    media_type: str
    pages: tuple[Page, ...] = ()
    headings: tuple[Heading, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    """Documents of their own; a file that only contains others has no text."""
    needs_ocr: tuple[int, ...] = ()
    """Numbers of the pages that have no text and were not read by OCR either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Where a chunker cuts: `text[start:end]`, its page and heading path, and its length in the embedder's tokens."""

    start: int
    end: int
    page: int | None
    heading: str
    tokens: int
