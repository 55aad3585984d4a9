"""Sentences and words, with exact offsets.

Rules instead of a model: the same text always gives the same spans, 10 MB take three seconds, and nothing is loaded.
Sentence ends follow the abbreviations of English and German; a list item, a table row, a `key: value` line and a
heading are a sentence each.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

__all__ = ["STOPWORDS", "sentences", "sha256", "words"]

STOPWORDS: frozenset[str] = frozenset(
    """
    a an and are as at be been being but by can could did do does for from had has have he her here him his how i if
    in into is it its me more most my no not of on or our she should so some such than that the their them then
    there these they this those to up us was we were what when where which while who whom why will with would you
    your aber als am an auch auf aus bei bin bis da das dass dem den der des die dies diese dieser dieses durch ein
    eine einem einen einer eines er es für hat hatte ich ihr ihre im in ist kann können man mit nach nicht noch nur
    oder ohne sich sie sind so über um und uns unter vom von vor war waren was wann warum welche welcher welches
    wenn wer werden wie wir wird wo wurde wurden zu zum zur
    """.split()
)

_ABBREVIATIONS = frozenset(
    """
    al approx assoc bzgl bzw ca cf ch co corp dept dipl dr ed eds eq esp evtl exkl fa fig figs gem geb gen ggf gov hon
    hr hrsg hrn inc incl inkl jr lt ltd mind mio mr mrd mrs ms nr orig pp prof pt resp rev rd sen sog sr st tel univ vgl
    vol vols vs zzgl ziff jan feb apr jun jul aug sept oct okt nov dec dez mon tue wed thu fri
    """.split()
)
# Abbreviations only before a number: "No. 5", "Abs. 2"; but "I said no. Then he left".
_NUMBERED = frozenset(
    """
    abs art bd kap max min no nos op p pos ref s sec sect tab
    """.split()
)
_MONTHS = "januar|jänner|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember|quartal"
_BREAK = re.compile(
    r"""
      \n[ \t]*\n\s*                                   # a blank line
    | \n(?=[ \t]*(?:[-*+•‣◦–]|\(?\d{1,3}[.)]|[a-z]\))[ \t]+\S)  # a list item
    | \n(?=[ \t]*(?:\#{1,6}[ \t]|```|~~~|\|))         # a heading, a fence, a table row
    | (?<=\|)[ \t]*\n                                 # the end of a table row
    | \n(?=[\w.\[\]/-]{1,60}:[ \t])                    # a line of the form key: value
    """,  # noqa: RUF001
    re.VERBOSE,
)
_HEADING_LINE = re.compile(r"[ \t]*(?:#{1,6}[ \t][^\n]*|```[^\n]*|~~~[^\n]*)\n")
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s)|[。！？]++[」』”’）]*+")  # noqa: RUF001
_LAST_WORD = re.compile(r"[\w.§&-]+$")
_NEXT = re.compile(r"[\s\"'“‘„«(\[*_]*(\w*)")  # noqa: RUF001
_GERMAN_ORDINAL = re.compile(rf"\s(?:{_MONTHS})\b", re.IGNORECASE)


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences, in order, trimmed of white space; together they hold every other character."""
    found: list[tuple[int, int]] = []
    for start, end in _units(text):
        found.extend(_split_unit(text, start, end))
    return found


def _units(text: str) -> Iterator[tuple[int, int]]:
    """Stretches that no sentence crosses: paragraphs, list items, table rows, heading lines."""
    position = 0
    for match in _BREAK.finditer(text):
        yield from _heading_first(text, position, match.start())
        position = match.end()
    yield from _heading_first(text, position, len(text))


def _heading_first(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    heading = _HEADING_LINE.match(text, start, end)
    if heading:
        yield start, heading.end()
        start = heading.end()
    yield start, end


def _split_unit(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    first = start
    if not text[start:end].lstrip().startswith("|"):
        for match in _END.finditer(text, start, end):
            if _ends_sentence(text, first, match, end):
                yield from _trimmed(text, first, match.end())
                first = match.end()
    yield from _trimmed(text, first, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    part = text[start:end]
    left = len(part) - len(part.lstrip())
    kept = len(part.strip())
    if kept:
        yield start + left, start + left + kept


def _ends_sentence(text: str, first: int, match: re.Match[str], end: int) -> bool:
    mark = match.group()
    if mark[0] in "。！？":  # noqa: RUF001
        return True
    following = _NEXT.match(text, match.end(), end)
    next_word = following.group(1) if following else ""
    if next_word[:1].islower():
        return False
    if mark[0] != "." or mark[:2] == "..":
        return True
    return not _dot_continues(text, first, match, next_word)


def _dot_continues(text: str, first: int, match: re.Match[str], next_word: str) -> bool:
    """Whether the dot belongs to the word before it: an abbreviation, an initial, an ordinal."""
    # 40 characters hold any abbreviation; a longer slice would make this quadratic on text without spaces.
    before = _LAST_WORD.search(text, max(first, match.start() - 40), match.start())
    if before is None:
        return False
    word = before.group().casefold()
    if word in _NUMBERED and next_word[:1].isdigit():
        return True
    if word.isdigit() and len(word) <= 3:
        is_list_number = before.start() - first < 4 and not text[first : before.start()].strip()
        return is_list_number or bool(_GERMAN_ORDINAL.match(text, match.end()))
    if word in _ABBREVIATIONS:
        return True
    # "J. Smith", "U.S. Army", "z.B. Äpfel": single letters between dots.
    parts = word.split(".")
    letters = all(len(part) == 1 and part.isalpha() for part in parts)
    return letters and (len(parts) > 1 or text[before.start()].isupper()) and bool(next_word)


_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han and Kana: a word each
_LETTERS = rf"[^\W{_NO_SPACES}]+"
_JOINER = rf"[.@](?={_LETTERS})|(?<=\d),(?=\d)|['’](?={_LETTERS})|[:/-](?=(?:[^\W\d_]{{1,4}}-){{0,2}}[^\W\d]*\d)"  # noqa: RUF001
_WORD = re.compile(rf"[{_NO_SPACES}]|{_LETTERS}(?:(?:{_JOINER}){_LETTERS})*(?:\+\+|\#(?!\w))?")


def words(text: str) -> list[str]:
    """Casefolded words in order; identifiers and numbers stay whole, as in `pg_stat_activity`, `e-4012`, `1,250.50`."""
    return [match.group().replace("’", "'").removesuffix("'s") for match in _WORD.finditer(text.casefold())]  # noqa: RUF001


def sha256(text: str) -> str:
    """In hexadecimal; half of a surrogate pair counts, too."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
