"""What can be counted in a text that tells good from bad, as pure functions of the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = [
    "characters",
    "longest_line",
    "menu_lines",
    "mojibake",
    "repeated_lines",
    "repeated_paragraphs",
    "repeated_phrases",
    "symbols",
    "word_length",
]

_FEWEST_LINES, _FEWEST_PARAGRAPHS, _FEWEST_WORDS, _FEWEST_CHARACTERS = 10, 6, 60, 200
"""In shorter texts a repetition is no pattern, and a mean says little."""
_PHRASE = 10

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
# The bar is left out: it is how tables are written here, and their documents may be nothing else.
_NOT_SYMBOL = re.compile(r"[^!-/:-@\[-`{}~\x80-\x9f¡-¿×÷\u2000-\u2bff\ue000-\uf8ff\ufffd]+")  # noqa: RUF001
# Characters outside ASCII with their neighbours: all that ftfy's pattern can match, which is slow on long texts.
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+(?:[\x00-\x7f]{1,8}[^\x00-\x7f]+)*")
_REACH = 4
# What strict decoders refuse and lenient ones let through; tab, line ends and form feed are text.
_UNDECODABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff]")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_MENU = re.compile(r"(?:[-*+•·»] ?)?[^\W\d_]+(?:[ '’&/-]{1,3}[^\W\d_]+){0,3}")  # noqa: RUF001
# Scripts that do not part words: Thai, Lao, Burmese, Khmer, Kana, Han.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)


def characters(text: str) -> int:
    """Letters and digits."""
    return len(_NOT_ALPHANUMERIC.sub("", text))


def mojibake(text: str) -> float:
    """Traces of a wrong decoding in 1,000 characters.

    Sequences that hardly occur in any language (ftfy's `badness`), and characters that stand for bytes that could not
    be decoded.
    """
    if not text:
        return 0.0
    found = len(_UNDECODABLE.findall(text))
    if not text.isascii():
        from ftfy.badness import badness

        places = (match.span() for match in _BEYOND_ASCII.finditer(text))
        found += sum(badness(text[max(0, start - _REACH) : end + _REACH]) for start, end in places)
    return 1_000 * found / len(text)


def repeated_lines(text: str) -> float:
    """Share of the characters in lines that occurred before; the rows of a table are no repetition."""
    lines = _lines(text)
    return _repeated([line for line in lines if not line.startswith("|")], of=lines, fewest=_FEWEST_LINES)


def repeated_paragraphs(text: str) -> float:
    """Share of the characters in paragraphs that occurred before."""
    paragraphs = [stripped for part in _PARAGRAPH.split(text) if (stripped := part.strip())]
    return _repeated(paragraphs, of=paragraphs, fewest=_FEWEST_PARAGRAPHS)


def repeated_phrases(text: str) -> float:
    """Share of the sequences of ten words that occurred before; of ten characters, where no spaces part the words."""
    words: Sequence[str] = text.casefold().split()
    if len(text) > 30 * len(words):
        words = "".join(words)
    if len(words) < _FEWEST_WORDS:
        return 0.0
    phrases = list(zip(*(words[start:] for start in range(_PHRASE)), strict=False))
    return 1 - len(set(phrases)) / len(phrases)


def menu_lines(text: str) -> float:
    """Share of the lines that read like entries of a menu: one to four words, nothing else."""
    lines = _lines(text)
    if len(lines) < _FEWEST_LINES:
        return 0.0
    return sum(_MENU.fullmatch(line) is not None for line in lines) / len(lines)


def symbols(text: str) -> float:
    """Share of the characters other than white space that are punctuation, signs or in no script."""
    printed = len("".join(text.split())) - text.count("|")
    return len(_NOT_SYMBOL.sub("", text)) / printed if printed else 0.0


def word_length(text: str) -> float | None:
    """Mean length of the words between spaces; None where there is too little text in scripts that part words."""
    words = (text if text.isascii() else _UNSPACED.sub(" ", text)).split()
    lengths = [len(word) for word in words if word != "|"]
    return sum(lengths) / len(lengths) if sum(lengths) >= _FEWEST_CHARACTERS else None


def longest_line(text: str) -> int:
    """Characters of the longest line."""
    return max(map(len, text.splitlines()), default=0)


def _lines(text: str) -> list[str]:
    return [stripped for line in text.splitlines() if (stripped := line.strip())]


def _repeated(parts: Sequence[str], *, of: Iterable[str], fewest: int) -> float:
    if len(parts) < fewest:
        return 0.0
    return (sum(map(len, parts)) - sum(map(len, set(parts)))) / sum(map(len, of))
