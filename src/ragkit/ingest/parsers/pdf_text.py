"""What PDFium knows of a page: runs of words with their place and font, and the lines that are drawn.

Places are in points; the page is turned so that most of its text reads from left to right.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

__all__ = ["MARK", "Face", "Rule", "Run", "Word", "read_page", "reads_from_right"]

_LINE_END = re.compile(r"\r?\n|(?<=\ufffe)|(?<=\x02)")
"""PDFium writes a hyphen at the end of a line as U+FFFE or U+0002, and no line break."""
_WORD = re.compile(r"\S+")
_BOLD = re.compile(r"bold|black|heavy|demi|medi$|-?bx\d*$|cmbx", re.IGNORECASE)
_ITALIC = re.compile(r"ital|obli", re.IGNORECASE)
MARK = re.compile(r"[•▪‣◦●○■·\uf0b7–-]|\(?\w{1,3}[.)]")  # noqa: RUF001
"""A bullet or a number; white stands between it and its item."""
_MAX_PATHS = 4000
_MAX_POINTS = 10_000
_THIN = 2.5

Face = Literal["", "bold", "italic"]


@dataclass(slots=True)
class Word:
    """What stands between two spaces."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


@dataclass(slots=True)
class Run:
    """Words that follow one another on a line without a wide gap."""

    words: list[Word]
    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float = 0.0
    face: Face = ""
    """Where all of its words have it."""
    turned: int = 0
    """Quarter turns of its direction, clockwise."""

    @property
    def height(self) -> float:
        return self.top - self.bottom


@dataclass(frozen=True, slots=True)
class Rule:
    """A drawn line, or the edge of a box; `low` to `high` is its extent."""

    horizontal: bool
    at: float
    low: float
    high: float


def read_page(page: PdfPage) -> tuple[list[Run], list[Rule]]:
    """Runs in the order of the file, those of another direction last, and the rules of the page."""
    text_page = page.get_textpage()
    try:
        runs = list(_Reader(text_page).runs())
    finally:
        text_page.close()
    if not runs:
        return [], []
    turned = Counter[int]()
    for run in runs:
        turned[run.turned] += len(run.text)
    upright = turned.most_common(1)[0][0]
    return sorted(runs, key=lambda run: run.turned != upright), _rules(page, upright)


def reads_from_right(text: str) -> bool:
    """Whether it has Hebrew or Arabic letters."""
    return not text.isascii() and any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)


class _Reader:
    """Reads the words of one page; PDFium is asked by word, not by character, because each call costs a microsecond."""

    def __init__(self, text_page: PdfTextPage) -> None:
        from pypdfium2 import raw

        self._raw: Any = raw
        self._page = text_page.raw
        self._text = _characters(text_page, raw)
        self._rect = raw.FS_RECTF()
        self._matrix = raw.FS_MATRIX()
        self._fonts: dict[int, Face] = {}

    def runs(self) -> Iterator[Run]:
        run: Run | None = None
        first = last = 0
        for begin, line in _lines(self._text):
            turned = self._turned(begin + len(line) - len(line.lstrip())) if line.strip() else 0
            same_line = False
            for match in _WORD.finditer(line):
                word = self._word(match.group(), begin + match.start(), begin + match.end() - 1, turned)
                if run and run.turned == turned and (glue := _glue(run, word, same_line)) is not None:
                    run.text += glue + word.text
                    _widen(run, word)
                else:
                    if run:
                        yield self._finished(run, first, last)
                    run = Run([word], word.text, word.left, word.bottom, word.right, word.top, turned=turned)
                    first = begin + match.start()
                last = begin + match.end() - 1
                same_line = True
        if run:
            yield self._finished(run, first, last)

    def _word(self, text: str, first: int, last: int, turned: int) -> Word:
        box = self._box(first)
        if last != first:
            end = self._box(last)
            box = (min(box[0], end[0]), min(box[1], end[1]), max(box[2], end[2]), max(box[3], end[3]))
        return Word(text, *_turn(box, turned))

    def _box(self, index: int) -> tuple[float, float, float, float]:
        rect = self._rect
        if not self._raw.FPDFText_GetLooseCharBox(self._page, index, rect):
            return (0.0, 0.0, 0.0, 0.0)
        return (rect.left, rect.bottom, rect.right, rect.top)

    def _turned(self, index: int) -> int:
        angle = self._raw.FPDFText_GetCharAngle(self._page, index)
        return round(angle / (math.pi / 2)) % 4 if angle > 0 else 0

    def _finished(self, run: Run, first: int, last: int) -> Run:
        run.size = max(self._size(first), self._size(last))  # a superscript may begin or end it
        face = self._face(first)
        run.face = face if face and (last == first or self._face(last) == face) else ""
        return run

    def _size(self, index: int) -> float:
        size = self._raw.FPDFText_GetFontSize(self._page, index)
        if self._raw.FPDFText_GetMatrix(self._page, index, self._matrix):
            size *= math.hypot(self._matrix.c, self._matrix.d)
        return float(round(size * 2) / 2)

    def _face(self, index: int) -> Face:
        part = self._raw.FPDFText_GetTextObject(self._page, index)
        font = self._raw.FPDFTextObj_GetFont(part) if part else None
        if not font:
            return ""
        address = ctypes.addressof(font.contents)
        if address not in self._fonts:
            buffer = ctypes.create_string_buffer(128)
            self._raw.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
            name = buffer.value.decode("latin-1")
            bold = self._raw.FPDFFont_GetWeight(font) >= 600 or _BOLD.search(name)
            self._fonts[address] = "bold" if bold else "italic" if _ITALIC.search(name) else ""
        return self._fonts[address]


def _characters(text_page: PdfTextPage, raw: Any) -> str:
    """The text, one character for each of PDFium's indices."""
    count = text_page.count_chars()
    text = str(text_page.get_text_range()) if count else ""
    if len(text) == count:
        return text
    codes = [raw.FPDFText_GetUnicode(text_page.raw, index) for index in range(count)]
    characters = [chr(code) if code < 0x110000 else "\0" for code in codes]
    for index in range(count - 1):
        if 0xD800 <= codes[index] < 0xDC00 <= codes[index + 1] < 0xE000:
            characters[index] = (
                (characters[index] + characters[index + 1]).encode("utf-16", "surrogatepass").decode("utf-16")
            )
            characters[index + 1] = "\0"
    return "".join(characters)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Where each line begins, and the line."""
    position = 0
    for match in _LINE_END.finditer(text):
        yield position, text[position : match.start()]
        position = match.end()
    yield position, text[position:]


def _turn(box: tuple[float, float, float, float], turned: int) -> tuple[float, float, float, float]:
    left, bottom, right, top = box
    if turned == 1:
        return (-top, left, -bottom, right)
    if turned == 2:
        return (-right, -top, -left, -bottom)
    if turned == 3:
        return (bottom, -right, top, -left)
    return box


def _glue(run: Run, word: Word, same_line: bool) -> str | None:
    """What stands between a run and the word after it: a space, or nothing; None where the run ends.

    PDFium begins a new line for a superscript; it belongs to the run all the same.
    """
    overlap = min(run.top, word.top) - max(run.bottom, word.bottom)
    em = min(run.height, word.top - word.bottom)
    if overlap < 0.5 * em:
        return None
    after, before = word.left - run.right, run.left - word.right
    gap = max(after, before)  # a word to the left: text that reads from right to left
    if same_line:
        return " " if -0.5 * em <= gap < (3.0 if MARK.fullmatch(run.text) else 0.9) * em else None
    if not -0.2 * em <= after < 0.35 * em:
        return None
    return " " if after > 0.12 * em else ""


def _widen(run: Run, word: Word) -> None:
    run.words.append(word)
    run.left, run.right = min(run.left, word.left), max(run.right, word.right)
    run.bottom, run.top = min(run.bottom, word.bottom), max(run.top, word.top)


def _rules(page: PdfPage, turned: int) -> list[Rule]:
    """Thin boxes are lines, others are cells: their four edges. More paths than tables have are a drawing."""
    from pypdfium2.raw import FPDF_PAGEOBJ_PATH, FPDFPage_CountObjects, FPDFPath_CountSegments

    if FPDFPage_CountObjects(page) > _MAX_PATHS:
        return []
    found: list[Rule] = []
    points = 0
    for path in page.get_objects(filter=[FPDF_PAGEOBJ_PATH], max_depth=1):
        points += FPDFPath_CountSegments(path)
        if points > _MAX_POINTS:
            return []
        for box in _boxes(path):
            left, bottom, right, top = _turn(box, turned)
            if top - bottom <= _THIN:
                found.append(Rule(True, (top + bottom) / 2, left, right))
            elif right - left <= _THIN:
                found.append(Rule(False, (left + right) / 2, bottom, top))
            else:
                found += [Rule(True, at, left, right) for at in (bottom, top)]
                found += [Rule(False, at, bottom, top) for at in (left, right)]
    return [rule for rule in found if rule.high - rule.low > _THIN]


def _boxes(path: Any) -> Iterator[tuple[float, float, float, float]]:
    """The bounds of a simple path; of a longer one, those of each straight part."""
    from pypdfium2 import raw

    count = raw.FPDFPath_CountSegments(path)
    if count <= 5:
        yield path.get_bounds()
        return
    if count > 400:
        return
    x, y = ctypes.c_float(), ctypes.c_float()
    matrix = path.get_matrix()
    before: tuple[float, float] | None = None
    for index in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = matrix.on_point(x.value, y.value)
        straight = raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_LINETO
        if before and straight and min(abs(point[0] - before[0]), abs(point[1] - before[1])) < _THIN:
            yield (
                min(before[0], point[0]),
                min(before[1], point[1]),
                max(before[0], point[0]),
                max(before[1], point[1]),
            )
        before = point
