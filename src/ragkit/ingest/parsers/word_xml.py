"""What unstructured passes over in a Word file: formulas, text boxes and notes.

Formulas are rewritten as plain runs before it reads the file; text boxes and notes are read here.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator

__all__ = ["asides", "with_plain_formulas"]

_DOCUMENT = "word/document.xml"
_FORMULA = re.compile(rb"<m:oMathPara>(.*?)</m:oMathPara>|(<m:oMath(?: [^>]*)?>.*?</m:oMath>)", re.DOTALL)
_FORMULA_TEXT = re.compile(rb"<m:t(?: [^>]*)?>([^<]*)</m:t>|(</m:num>)|<m:sup>()|<m:sub>()")
_BOX = re.compile(r"<w:txbxContent(?: [^>]*)?>(.*?)</w:txbxContent>", re.DOTALL)
_FALLBACK = re.compile(r"<mc:Fallback>.*?</mc:Fallback>", re.DOTALL)
_PARAGRAPH = re.compile(r"</w:p>")
_RUN = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>|<w:(?:tab|br)/>")
_NOTES = {"word/footnotes.xml": "", "word/endnotes.xml": "", "word/comments.xml": "Comment: "}


def with_plain_formulas(data: bytes) -> bytes:
    """The package with each formula as a run of text, such as `a^2+b^2=c^2`."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if _DOCUMENT not in archive.namelist() or b"<m:oMath" not in (document := archive.read(_DOCUMENT)):
            return data
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as copy:
            for member in archive.infolist():
                body = _FORMULA.sub(_as_run, document) if member.filename == _DOCUMENT else archive.read(member)
                copy.writestr(member, body)
    return written.getvalue()


def _as_run(formula: re.Match[bytes]) -> bytes:
    text = b""
    for match in _FORMULA_TEXT.finditer(formula.group()):
        if match.group(1) is not None:
            text += match.group(1)
        elif match.group(2):
            text += b"/"
        else:
            text += b"^" if match.group(3) is not None else b"_"
    return b'<w:r><w:t xml:space="preserve">' + text + b"</w:t></w:r>"


def asides(data: bytes) -> Iterator[str]:
    """The paragraphs of text boxes, footnotes, endnotes and comments."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        if _DOCUMENT in names:
            document = _FALLBACK.sub("", archive.read(_DOCUMENT).decode("utf-8", errors="replace"))
            for box in _BOX.findall(document):
                yield from _paragraphs(box)
        for name, label in _NOTES.items():
            if name in names:
                for paragraph in _paragraphs(archive.read(name).decode("utf-8", errors="replace")):
                    yield label + paragraph


def _paragraphs(markup: str) -> Iterator[str]:
    for paragraph in _PARAGRAPH.split(markup):
        text = "".join(html.unescape(match.group(1) or " ") for match in _RUN.finditer(paragraph)).strip()
        if text:
            yield text
