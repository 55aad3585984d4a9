"""Pictures of text: scans and photographs, read by OCR; the frames of a TIFF are pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragkit.errors import NeedsOcr, ParseFailed, TooLarge
from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.ocr import GIVEN_UP, Ocr
from ragkit.parsed import Parsed
from ragkit.protocols import Source

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Image"]

_MAX_PIXELS = 100_000_000
"""A page at 600 dpi has 35 million."""


class Image:
    """The words of each page, by OCR."""

    name = "image/1"
    extensions = frozenset({".jpeg", ".jpg", ".png", ".tif", ".tiff"})

    def parse(self, source: Source) -> Parsed:
        ocr = Ocr.of(source)
        if ocr.missing:
            raise NeedsOcr(f"{source.name!r} is a picture; {ocr.missing}")
        builder = TextBuilder()
        slow = []
        for number, picture in enumerate(_pictures(source), 1):
            builder.page(number)
            try:
                builder.lines(ocr.read(picture))
            except TimeoutError:
                slow.append(number)
        builder.needs_ocr(slow, GIVEN_UP)
        if not len(builder):
            raise ParseFailed(f"{source.name!r} is a picture in which OCR finds no text.")
        return builder.parsed(title="", media_type=_media_type(source.data))


def _pictures(source: Source) -> Iterator[Picture]:
    import PIL.Image
    from PIL import ImageOps, ImageSequence

    try:
        with PIL.Image.open(io.BytesIO(source.data), formats=["PNG", "JPEG", "TIFF"]) as opened:
            for frame in ImageSequence.Iterator(opened):
                if frame.width * frame.height > _MAX_PIXELS:
                    raise TooLarge(f"{source.name!r} has {frame.width} by {frame.height} pixels, which is too large.")
                yield ImageOps.exif_transpose(frame)
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise ParseFailed(
            f"{source.name!r} is damaged or not a picture: {error}.",
            hint="Open it in an image viewer and save it again, or exclude it.",
        ) from error


def _media_type(data: bytes) -> str:
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    return "image/png" if data.startswith(b"\x89PNG") else "image/tiff"
