"""Text from pictures of pages, by tesseract, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.builder import normalise
from ragkit.protocols import Source

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["GIVEN_UP", "Ocr", "available"]

_PAGE_TIMEOUT_S = 60
GIVEN_UP = f"OCR was given up after {_PAGE_TIMEOUT_S} s."
_INSTALL = "install ragkit[ocr] and tesseract (apt-get install tesseract-ocr) to read scans."
_SWITCHED_OFF = "the option `ocr_languages` is empty, so that scans are not read."
_LANGUAGES = re.compile(r"[A-Za-z_]+(?:\+[A-Za-z_]+)*")
_SPLIT_WORD = re.compile(r"(?<=[^\W\d_]{2})-\n(?=[^\W\d_]{2})")


@cache
def available() -> bool:
    """Whether this process can read pictures at all."""
    return bool(find_spec("pytesseract") and find_spec("PIL") and shutil.which("tesseract"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ocr:
    """OCR for one document."""

    languages: str
    """As tesseract wants them, such as `eng+deu`."""
    missing: str
    """Why nothing is read, as the end of a sentence; empty where it is."""

    @classmethod
    def of(cls, source: Source) -> Ocr:
        """As the option `ocr_languages` has it: codes of tesseract, `eng` unless given; none switch it off.

        Raises:
            ParseFailed: The option is not a list of codes.
        """
        given = source.options.get("ocr_languages", "eng").strip()
        languages = "+".join(re.split(r"[,+\s]+", given))
        if given and not _LANGUAGES.fullmatch(languages):
            raise ParseFailed(
                f"{source.name!r} cannot be read in the languages {given!r}.",
                hint="Set the parser option `ocr_languages` to codes of tesseract, such as 'eng+deu'.",
            )
        if not available():
            return cls(languages=languages, missing=_INSTALL)
        return cls(languages=languages, missing="" if given else _SWITCHED_OFF)

    def read(self, image: Image) -> str:
        """The words in reading order, a blank line between paragraphs; empty where there are none.

        Raises:
            ParseFailed: tesseract refuses, for example because it lacks a language.
            TimeoutError: The picture takes longer than a page may.
        """
        import pytesseract

        os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # more threads a page are slower, and take the cores of others
        try:
            text = pytesseract.image_to_string(image, lang=self.languages, timeout=_PAGE_TIMEOUT_S)
        except pytesseract.TesseractError as error:
            packages = " ".join(f"tesseract-ocr-{code.lower().replace('_', '-')}" for code in self.languages.split("+"))
            raise ParseFailed(
                f"tesseract failed: {' '.join(str(error.message).split())[:300].rstrip('.')}.",
                hint=f"If it lacks a language: apt-get install {packages}.",
            ) from error
        except RuntimeError as error:  # what the library makes of a timeout
            raise TimeoutError from error
        return _SPLIT_WORD.sub("", normalise(text)).strip()
