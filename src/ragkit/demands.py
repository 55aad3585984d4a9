"""What a question demands of its answer: a kind of value, a period, the names that it names.

Rules for English and German, after the answer types of question-answering systems (Li and Roth 2002). A question that
none of them understands demands nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ragkit.text import STOPWORDS, words

__all__ = ["DATE", "Kind", "identifiers", "is_german", "kind_of", "names", "periods"]

_COUNT = (
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|ninety|hundred"
    r"|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf"
)
_AMOUNT = rf"(?:\d[\d.,]*|an?|one|half|eine[nmrs]?|{_COUNT})"
_TIME_UNIT = (
    r"(?:seconds?|minutes?|hours?|days?|weeks?|fortnights?|months?|quarters?|years?|decades?"
    r"|sekunden?|minuten?|stunden?|tage?n?|wochen?|monate?n?|jahre?n?)"
)
_DURATION = rf"\b{_AMOUNT}[ -](?:\w+ )?{_TIME_UNIT}\b"
_MONTHS: Mapping[str, int] = {
    name: number % 12 + 1
    for number, name in enumerate(
        (
            "january february march april may june july august september october november december "
            "januar februar märz april mai juni juli august september oktober november dezember"
        ).split()
    )
}
_MONTH = "|".join(_MONTHS)
_DATE = (
    rf"\b(?:1\d|20)\d\d\b|\b\d{{1,2}}:\d\d\b|\b(?:{_MONTH}|(?:mon|tues|wednes|thurs|fri|satur|sun)day|century)\b"
    rf"|\b\d{{1,2}}\.\d{{1,2}}\."
    rf"|\b(?:at|until|till|from|before|after|by|um|bis|ab|vor|nach) (?:\d|(?:one|eins?|{_COUNT})\b)"
    r"|\b(?:noon|midnight|mittags?|mitternacht)\b|o'clock"
)


@dataclass(frozen=True)
class Kind:
    """A kind of value, the questions that ask for it, and what it looks like."""

    name: str
    asked: str
    looks: str

    def is_asked(self, question: str) -> bool:
        return bool(self._asked.search(question))

    def is_in(self, text: str) -> bool:
        return bool(self._looks.search(text))

    def found_in(self, text: str) -> list[str]:
        """The values of the kind, as they stand there."""
        return [match.group() for match in self._looks.finditer(text)]

    @cached_property
    def _asked(self) -> re.Pattern[str]:
        return re.compile(self.asked, re.IGNORECASE)

    @cached_property
    def _looks(self) -> re.Pattern[str]:
        return re.compile(self.looks, re.IGNORECASE)


_KINDS = (
    Kind(
        "weight",
        r"\bhow heavy\b|\bweighs?\b|\bwie schwer\b|\bwiegt\b",
        r"\d\s?(?:k?g|mg|t|lbs?|oz|kilo\w*|gram\w*|tons?|tonnes?|pounds?|ounces?)\b",
    ),
    Kind("telephone number", r"phone number|\btelefonnummer", r"(?:\+|\b0|\()[\d ()/-]{6,}\d"),
    Kind(
        "colour",
        r"\bwh(?:at|ich) colou?r\b|\bwelche farbe\b",
        r"\b(?:black|white|gr[ea]y|red|blue|green|yellow|orange|brown|purple|pink|silver"
        r"|schwarz|wei(?:ss|ß)|grau|rot|blau|grün|gelb)\w{0,2}\b",
    ),
    Kind(
        "money",
        r"\b(?:how much|what) (?:does|do|did|will|would|may|can|must) .*\b(?:cost|earn|pay)\b|\bhow expensive\b"
        r"|\bkostet\b"
        r"|\bwhat (?:is the |was the |are the )?(?:list )?(?:salary|revenue|price|fee|turnover)s? (?!reduc|incr|rise)",
        r"[$€£¥]|\b(?:USD|EUR|CHF|NOK|GBP|dollars?|euros?|francs?|franken|kroner?|cents?|million|billion)\b",
    ),
    Kind(
        "share",
        r"\bwhat (?:percentage|per ?cent|share|proportion)\b|\bwie ?viel prozent\b",
        r"%|\bper ?cent\b|\bpercent|\bprozent|\bthird|\bhalf|\bquarter|\bcredit",
    ),
    Kind(
        "duration",
        r"\bhow long\b(?! ago)|\bhow (?:quickly|soon|fast|far back|early)\b|\bwie (?:lange|schnell)\b"
        r"|\b(?:what|which) (?:is the |was the )?(?:\w+ )?(?:duration|period|term)\b"
        r"|\bwelche (?:\w+)?(?:frist|dauer)\b",
        _DURATION,
    ),
    Kind(
        "date",
        r"^when\b|\b(?:by|since) when\b|\b(?:what|which) (?:year|date|day|month)\b|^(?:ab |bis )?wann\b",
        _DATE + "|" + _DURATION,
    ),
    Kind(
        "number",
        r"\bhow (?:many|much|often|old|far|high|large|big|late)\b|\bwie ?(?:viele?n?|oft|hoch|weit|alt)\b",
        rf"\d|\b(?:{_COUNT})\b",
    ),
)

DATE = next(kind for kind in _KINDS if kind.name == "date")

_MONTH_YEAR = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})\.? )?(?P<m1>{_MONTH}),? (?P<y1>\d{{4}})\b"
    rf"|\b(?P<m2>{_MONTH}) (?P<d2>\d{{1,2}}),? (?P<y2>\d{{4}})\b"
    rf"|\b(?P<y3>(?:19|20)\d\d)[- ](?P<m3>0[1-9]|1[0-2])(?:[- ](?P<d3>\d\d))?\b",
    re.IGNORECASE,
)
_QUARTERS: Mapping[str, int] = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4}
_QUARTER = re.compile(
    rf"\b(?P<word>{'|'.join(_QUARTERS)}) quarter(?: of| in|,)? (?P<y1>\d{{4}})\b"
    r"|\bq(?P<n2>[1-4])[ /-]?(?P<y2>\d{4})\b|\b(?P<y3>\d{4})[ -]?q(?P<n3>[1-4])\b",
    re.IGNORECASE,
)


_WORD = re.compile(r"\w(?:[\w'-]*\w)?")
_GERMAN = frozenset(
    """
    auf aus bei bin darf das dem den der die ein eine einem einen einer für gibt hat ich im ist kann können kostet man
    mein mit muss nach nicht oder sind und uns unser vom von wann was welche welchem welchen welcher welches wenn wer
    werden wie wir wird wo zu zum zur über
    """.split()
)
_ENGLISH = frozenset(
    """
    a an and are can did do does for from has have how i is it may must my not of on our should that the there this to
    under we were what when where which who why will with you your
    """.split()
)


def kind_of(question: str) -> Kind | None:
    """The kind of value that it asks for, where it asks for one."""
    return next((kind for kind in _KINDS if kind.is_asked(question)), None)


def periods(text: str) -> set[tuple[int, str]]:
    """The days, months and quarters that it dates something with, as (2026, "3-10"), (2026, "3") or (2025, "q4").

    A day stands for its month too.
    """
    found = set()
    for match in _MONTH_YEAR.finditer(text):
        year, name = int(match["y1"] or match["y2"] or match["y3"]), match["m1"] or match["m2"]
        month, day = _MONTHS[name.casefold()] if name else int(match["m3"]), match["d1"] or match["d2"] or match["d3"]
        found |= {(year, str(month))} | ({(year, f"{month}-{int(day)}")} if day else set())
    for match in _QUARTER.finditer(text):
        quarter = _QUARTERS[match["word"].casefold()] if match["word"] else int(match["n2"] or match["n3"])
        found.add((int(match["y1"] or match["y2"] or match["y3"]), f"q{quarter}"))
    return found


def names(question: str) -> list[str]:
    """Its words that begin with a capital, but for the first and months; of a German question none: all nouns do."""
    found = [match.group() for match in _WORD.finditer(question)]
    if is_german(question):
        return []
    common = STOPWORDS | _MONTHS.keys()
    return [word for word in found[1:] if word[0].isupper() and len(word) > 1 and word.casefold() not in common]


def is_german(question: str) -> bool:
    """Whether more of its words are common ones of German than of English; `MIT` and `DAS` are none."""
    found = {match.group() for match in _WORD.finditer(question)}
    common = {word.casefold() for word in found if not (len(word) > 1 and word.isupper())}
    return len(_GERMAN & common) > len(_ENGLISH & common)


def identifiers(text: str) -> set[str]:
    """Its acronyms, product names and codes (`ATEX`, `GraphQL`, `KV-1305`), casefolded as `ragkit.text.words` does."""
    return {word for raw in text.split() for word in words(raw) if _is_identifier(word, raw)}


def _is_identifier(word: str, raw: str) -> bool:
    letters, digits = any(map(str.isalpha, word)), any(map(str.isdigit, word))
    if digits:
        return letters
    at = raw.casefold().find(word)
    return sum(map(str.isupper, raw[at : at + len(word)])) > 1
