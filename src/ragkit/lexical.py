"""How much of one text another one holds, by words: what both the search for evidence and its checking rest on."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

from ragkit.text import STOPWORDS, words
from ragkit.tokens import rarity

__all__ = ["denies", "fold", "numbers", "overlap", "terms", "weights"]

_SUFFIXES = (
    "ations", "ation", "ments", "ment", "ables", "able", "ances", "ance", "edly", "ings", "ing",
    "ions", "ion", "ers", "er", "ies", "ied", "ed", "es", "ly", "s",
)  # fmt: skip
_SHORTEST_STEM = 3
_REMEMBERED = 1 << 14
_SMALL = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty"
)  # "one" is a pronoun more often than a number
_TENS = "thirty forty fifty sixty seventy eighty ninety hundred"
_NUMBER_WORDS: Mapping[str, str] = {word: str(value) for value, word in enumerate(_SMALL.split(), start=2)} | {
    word: str(10 * value) for value, word in enumerate(_TENS.split(), start=3)
}
_NEGATORS = frozenset(
    """
    no not never none nobody nothing nowhere neither nor without cannot non fail fails failed unable incapable unlikely
    unrelated independent independently hardly lack lacks absence ineffective
    kein keine keinen keinem keiner nicht nie nirgends ohne
    """.split()
)
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_THOUSANDS = re.compile(r"(?<=\d)[,](?=\d{3}(?!\d))")


@lru_cache(_REMEMBERED)
def fold(word: str) -> str:
    """One form for the forms of a word: `refunded` and `refunds`, `1,000` and `1000`, `ten` and `10`.

    Lighter than Porter's stemmer, and good enough where both sides are folded alike.
    """
    if word in _NUMBER_WORDS:
        return _NUMBER_WORDS[word]
    if word[:1].isdigit():
        return _plain_number(word)
    if not word.isalpha():
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM and not word.endswith("ss"):
            word = word[: -len(suffix)] + ("y" if suffix in {"ies", "ied"} else "")
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    while len(word) > _SHORTEST_STEM and word[-1] in "ey":
        word = word[:-1]
    return word


def denies(word: str) -> bool:
    """Whether it turns what is said into its opposite: `not`, `none`, `hasn't`."""
    return word in _NEGATORS or word.endswith("n't")


def terms(text: str) -> list[str]:
    """The folded content words, in order."""
    return [fold(word) for word in words(text) if word not in STOPWORDS]


def weights(text: str) -> dict[str, float]:
    """The folded content words with what each tells, from 0 to 1; words with a digit tell the most."""
    return {
        fold(word): 1.0 if any(map(str.isdigit, word)) else rarity(word)
        for word in words(text)
        if word not in STOPWORDS
    }


def overlap(wanted: Mapping[str, float], held: Collection[str]) -> float:
    """The share of the wanted weight that is held, from 0 to 1; 1 when nothing is wanted."""
    total = sum(wanted.values())
    if not total:
        return 1.0
    return sum(weight for term, weight in wanted.items() if term in held) / total


def numbers(text: str) -> set[str]:
    """The numbers in it, also those in words, in one notation; not those within a name, as in `E-4012`."""
    found = set()
    for word in words(text):
        if word in _NUMBER_WORDS:
            found.add(_NUMBER_WORDS[word])
        elif word[0].isdigit():
            found.update(_plain_number(match) for match in _NUMBER.findall(word))
    return found


def _plain_number(number: str) -> str:
    plain = _THOUSANDS.sub("", number)
    return re.sub(r"\.0{1,2}(?!\d)", "", plain)  # three zeros may be German thousands
