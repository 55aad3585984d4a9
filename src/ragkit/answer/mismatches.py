"""What a claim says otherwise than its evidence, or adds to it: hard checks that likeness of any kind misses.

A sentence with another number, a negation more or two names exchanged is as near to its source as the right one. Each
check looks for one such thing, and is silent where it does not understand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ragkit.answer.signed import other_sign
from ragkit.demands import identifiers, names
from ragkit.lexical import denies, fold, numbers, overlap, terms, weights
from ragkit.text import STOPWORDS, words

__all__ = ["CHECKS", "TURNING", "Text", "denied", "mismatches"]

ABOUT = 0.5
"""Share of a clause's words that another holds which speaks of the same thing."""
REACH = 2
"""A negation covers this many content words after it."""
QUOTED_WORDS = 3
"""Fewer words in quotation marks are a term, not a quotation."""

_NOWHERE = frozenset({"nowhere", "nirgends"})
"""They deny all that follows: *nowhere does it say that …*."""
_CLAUSE = re.compile(r"[.,;:!?()]\s|\n")


def _folded(text: str) -> frozenset[str]:
    return frozenset(map(fold, text.split()))


_UP = _folded(
    "increase increased rise rises risen rose raise raised higher high greater more enhance enhanced improve improved "
    "better promote promoted activate activated activation induce induces stimulate upregulate upregulated "
    "upregulation elevate elevated gain larger longer stronger accelerate positive positively facilitate support "
    "effective expand grow grew growth most contribute encourage steigt stieg erhöht mehr größer besser"
)
_DOWN = _folded(
    "decrease decreased reduce reduced reduction lower low less fewer inhibit inhibited inhibition suppress suppressed "
    "impair impaired fall fell drop dropped decline declined diminish attenuate prevent prevented block blocked "
    "downregulate downregulated downregulation loss lose smaller shorter weaker slow worsen worse negative negatively "
    "inverse inversely hinder disrupt ineffective shrink limit lack absence deficient deficiency protect resistance "
    "sinkt sank gesenkt verringert weniger kleiner schlechter"
)
_OPPOSITES = tuple(
    (_folded(ours), _folded(theirs))
    for ours, theirs in (
        ("promote activate activated activation induce stimulate facilitate", "inhibit inhibited suppress block"),
        ("most maximum highest largest at-most höchstens", "least minimum lowest smallest mindestens"),
        ("before until earlier vor", "after since later nach"),
        ("first earliest oldest", "last latest newest"),
        ("always all every each immer alle", "never none nie keine"),
        ("above over inside within internal", "below under outside beyond external"),
        ("include including included", "exclude excluding excluded except"),
        ("enable enabled on allow allowed permit permitted", "disable disabled off forbid forbidden prohibit"),
        ("required mandatory must", "optional voluntary"),
        ("positive", "negative"),
        ("accept accepted approve approved pass passed", "reject rejected refuse refused deny denied fail failed"),
        ("open opened begin began start started", "close closed end ended stop stopped"),
        ("buy bought win won", "sell sold lose lost"),
        ("public", "private"),
        ("north northern east eastern left", "south southern west western right"),
        ("male", "female"),
    )
)  # fmt: skip
TURNING = frozenset().union(_UP, _DOWN, *(side for pair in _OPPOSITES for side in pair))
"""Words that turn the sense of a sentence when one is put for another."""
_UN = ("un", "in", "im", "ir", "il", "non", "dis")
_LONGEST_PREFIX_STEM = 3
_UNITS = tuple(
    frozenset(map(fold, kind.split()))
    for kind in (
        "second seconds minute minutes hour hours day days week weeks month months quarter quarters year years decade "
        "decades century centuries tag tage tagen woche wochen monat monate monaten jahr jahre jahren stunde stunden "
        "minuten sekunden",
        "$ € £ ¥ usd eur gbp chf dollar dollars euro euros pound pounds franc francs yen cent cents",
        "% percent per-cent prozent",
        "mm cm m km metre metres meter meters kilometre kilometres kilometer kilometers mile miles foot feet inch",
        "mg g kg gram grams kilogram kilograms ton tons tonne tonnes ounce ounces",
        "thousand million billion trillion tausend millionen milliarden",
        "kb mb gb tb pb bytes kilobytes megabytes gigabytes terabytes",
        "celsius fahrenheit kelvin °c °f",
    )
)  # fmt: skip
_ALL_UNITS = frozenset().union(*_UNITS)
_MEASURED = re.compile(r"(?P<sign>[$€£¥])?\s?(?P<number>\d[\d.,]*\d|\d)[\s-]?(?P<unit>%|°[CF]|[A-Za-zäöü]+)?")
_MONTHS = frozenset(
    """
    january february march april june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
    januar februar märz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag
    """.split()
)
_YEAR = re.compile(r"(?<![\d.,])(?:1[0-9]|20)\d\d(?![\d.,]\d|\d)")
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»]{8,400})[\"”“»]")
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s)\]>]+|[\w.+-]+@[\w-]+\.[\w.-]*\w")


@dataclass(frozen=True)
class Text:
    """A text with what the checks look at, each found once."""

    text: str

    @cached_property
    def words(self) -> list[str]:
        return words(self.text)

    @cached_property
    def folded(self) -> frozenset[str]:
        return frozenset(map(fold, self.words))

    @cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(numbers(self.text))

    @cached_property
    def dates(self) -> frozenset[str]:
        """Years, months and weekdays."""
        return frozenset(_YEAR.findall(self.text)) | (_MONTHS & set(self.words))

    @cached_property
    def denials(self) -> int:
        return sum(map(denies, self.words))

    @cached_property
    def sense(self) -> tuple[int, int, int]:
        """How many words of increase, of decrease and of denial."""
        return len(self.folded & _UP), len(self.folded & _DOWN), self.denials

    @cached_property
    def plain(self) -> str:
        return f" {' '.join(self.words)} "

    @cached_property
    def clauses(self) -> list[tuple[frozenset[str], frozenset[str]]]:
        """The content words of each, and those that are denied."""
        return [(frozenset(terms(part)), denied(part)) for part in _CLAUSE.split(self.text)]

    @cached_property
    def measured(self) -> Mapping[str, frozenset[str]]:
        """The units of each number, where they are known ones."""
        found: dict[str, set[str]] = {}
        for match in _MEASURED.finditer(self.text):
            units = {fold(unit.casefold()) for unit in (match["sign"], match["unit"]) if unit} & _ALL_UNITS
            for number in numbers(match["number"]) if units else ():
                found.setdefault(number, set()).update(units)
        return {number: frozenset(units) for number, units in found.items()}


def mismatches(claim: Text, evidence: Text, known: Text) -> dict[str, float]:
    """What each check says: 0 where nothing is amiss, at most 1.

    Args:
        claim: The sentence.
        evidence: What is quoted for it.
        known: Whatever may lend it words and numbers: title, headings, header row.
    """
    return {name: check(claim, evidence, known) for name, check in CHECKS.items()}


def _number(claim: Text, evidence: Text, known: Text) -> float:
    return float(bool(claim.numbers - claim.dates - evidence.numbers - known.numbers))


def _date(claim: Text, evidence: Text, known: Text) -> float:
    return float(bool(claim.dates - evidence.dates - known.dates - evidence.numbers - known.numbers))


def _unit(claim: Text, evidence: Text, known: Text) -> float:
    """The same number of something else: `30 hours` for `30 days`."""
    return float(
        any(_of_other_kind(units, evidence.measured.get(n, frozenset())) for n, units in claim.measured.items())
    )


def _of_other_kind(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    return not ours & theirs and any(ours & kind and theirs & kind for kind in _UNITS)


def _sign(claim: Text, evidence: Text, known: Text) -> float:
    """The same number with another sign; one side may say in a word what the other has a minus for: `fell by 3 %`."""
    in_words = (claim.folded ^ evidence.folded) & _DOWN
    return float(other_sign(claim.text, evidence.text) and not in_words)


def _name(claim: Text, evidence: Text, known: Text) -> float:
    """The share of its names that nothing lends it."""
    named = {term for name in names(claim.text) for term in terms(name)}
    return len(named - evidence.folded - known.folded) / len(named) if named else 0.0


def _negation(claim: Text, evidence: Text, known: Text) -> float:
    """A part of the claim says what the nearest part of the evidence denies, or the reverse.

    What both deny somewhere does not differ.
    """
    both = denied(claim.text) & denied(evidence.text)
    for part in _CLAUSE.split(claim.text):
        wanted = weights(part)
        held, denied_there = max(evidence.clauses, key=lambda clause: overlap(wanted, clause[0]))
        differ = (denied(part) & held) ^ (denied_there & wanted.keys())
        if wanted and differ - both and overlap(wanted, held) >= ABOUT:
            return 1.0
    return 0.0


def _opposite(claim: Text, evidence: Text, known: Text) -> float:
    """One of two opposite words in the claim, the other one in the evidence."""
    ours, theirs = claim.folded - evidence.folded, evidence.folded - claim.folded
    for left, right in _OPPOSITES:
        for one, other in ((left, right), (right, left)):
            if ours & one and theirs & other and not (evidence.folded & one or claim.folded & other):
                return 1.0
    return float(any(_turned(word, theirs) for word in ours) or any(_turned(word, ours) for word in theirs))


def _turned(word: str, others: frozenset[str]) -> bool:
    """Whether another word is this one with a prefix that turns its sense."""
    return len(word) > _LONGEST_PREFIX_STEM and any(prefix + word in others for prefix in _UN)


def _direction(claim: Text, evidence: Text, known: Text) -> float:
    """The claim speaks of more, the evidence of less only, or the reverse."""
    (up, down, _), (rises, falls, _) = claim.sense, evidence.sense
    return float(bool((up and not down and falls and not rises) or (down and not up and rises and not falls)))


def _parity(claim: Text, evidence: Text, known: Text) -> float:
    """One says it with an even number of decreases and denials, the other with an odd one: two of them cancel out."""
    (_, down, denials), (_, falls, denied_there) = claim.sense, evidence.sense
    return float((down + denials) % 2 != (falls + denied_there) % 2)


def _denial(claim: Text, evidence: Text, known: Text) -> float:
    """The claim denies something, the evidence nothing."""
    return float(claim.sense[2] > 0 and evidence.sense[2] == 0)


def _invented(claim: Text, evidence: Text, known: Text) -> float:
    """A quotation, an address or a code that stands nowhere."""
    held = set(evidence.words) | set(known.words)
    codes = {code for code in identifiers(claim.text) if any(map(str.isdigit, code))}
    return float(bool(codes - held) or any(f" {' '.join(said)} " not in evidence.plain for said in _said(claim.text)))


def _said(text: str) -> Iterator[list[str]]:
    yield from (said for match in _QUOTED.finditer(text) if len(said := words(match[1])) >= QUOTED_WORDS)
    yield from (words(match.group()) for match in _ADDRESS.finditer(text))


def denied(clause: str) -> frozenset[str]:
    """The content words within the reach of a negation."""
    found: set[str] = set()
    left = 0
    for word in words(clause):
        if denies(word):
            left = len(clause) if word in _NOWHERE else REACH
        elif word not in STOPWORDS:
            found |= {fold(word)} if left else set()
            left = max(0, left - 1)
    return frozenset(found)


CHECKS: Mapping[str, Callable[[Text, Text, Text], float]] = {
    "number": _number,
    "date": _date,
    "unit": _unit,
    "sign": _sign,
    "name": _name,
    "negation": _negation,
    "denial": _denial,
    "opposite": _opposite,
    "direction": _direction,
    "parity": _parity,
    "invented": _invented,
}
