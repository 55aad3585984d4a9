"""Finds sources that answer the same question with different values.

Rules, not a model: two of the likeliest statements, of different documents and about the same, that have another value
of the kind that is asked for, another number of the same unit, or of which one denies what the other says. What one
says beyond the other is no conflict. After the kinds of contradiction of de Marneffe, Rafferty and Manning, "Finding
Contradictions in Text" (ACL 2008): numbers, dates and negation are those that rules tell dependably.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ragkit.demands import DATE, Kind, identifiers
from ragkit.lexical import fold, numbers
from ragkit.protocols import Disagreement
from ragkit.reading import Asked
from ragkit.statements import WEIGHTS, Statement
from ragkit.text import words
from ragkit.types import Hit

__all__ = ["disagreement", "is_announced", "meanings", "note"]

LOOKED_AT = 12
"""Statements that are compared with the likeliest one,"""
BEHIND = 8.0
"""where their score is behind by no more than this."""
SAME = 0.5
"""The share of the words of two statements, but for numbers, that they must have in common to be about the same;
between editions of a document, of the shorter one's words."""
EQUAL = 0.5
"""Two subjects fit a question equally where their scores are no farther apart than this."""
COVERED = 0.7
"""The share of the question's words in the likeliest statement that another one needs, if it is to answer it, too."""

_NO = re.compile(
    r"\b(?:no|not|never|cannot|neither|nor|none|isn't|aren't|wasn't|don't|doesn't|didn't|can't|won't|mustn't"
    r"|kein\w{0,2}|nicht|niemals)\b",
    re.IGNORECASE,
)
_WHETHER = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have|had|may|must"
    r"|ist|sind|war|waren|darf|dürfen|kann|können|muss|müssen|hat|haben|gibt|wird|werden|soll|sollen)\b",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"(?:(?P<before>[$€£¥]|\b[A-Z]{3}) ?)?(?<![\w.,-])"
    r"(?P<number>\d[\d.,]*\d|\d)(?(before)|[ -]?(?P<after>%|[^\W\d_]{2,}))"
)
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_TOLD_IN_NUMBERS = frozenset({"weight", "telephone number", "money", "share", "number"})
_DAYS: Mapping[str, float] = {
    "sec": 1 / 86400, "sek": 1 / 86400, "min": 1 / 1440, "hour": 1 / 24, "stund": 1 / 24, "week": 7, "woche": 7,
    "fortnight": 14, "month": 365 / 12, "monat": 365 / 12, "quarter": 365 / 4, "year": 365, "jahr": 365,
    "decade": 3650,
}  # fmt: skip
_WHO = re.compile(r"(?:who|whom|whose|wer|wem|wen|wessen)\b", re.IGNORECASE)
_VALUE = re.compile(r"[\W\d_]*|usd|eur|chf|gbp|nok|sek|dkk|[kmgt]?i?b|[kmg]?wh?|[kmg]?hz|\d+[a-z%]{1,3}")
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?(?!\d)")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}\b)")
_EDITION = re.compile(
    r"\b(?:version|edition|rev(?:ision)?\.?|v|ausgabe|fassung)[ .-]?(\d{1,9}(?:\.\d{1,9})*)\b", re.IGNORECASE
)

_ANNOUNCED = re.compile(
    r"(?:the |these )?(?:two )?sources (?:seem to )?(?:disagree|differ|contradict each other)"
    r"(?: (?:about|on) (?:this|that))?"
    r"(?:; the newer one comes first|: “” is newer than “”, and comes first)?[.:]"
    r"|(?:die |diese )?(?:beiden )?quellen (?:scheinen sich(?: hierzu| dazu)? zu )?widersprechen"
    r"(?: sich| einander)?(?: hierzu| dazu)?(?:; die neuere steht zuerst|: „“ ist neuer als „“ und steht zuerst)?[.:]",
    re.IGNORECASE,
)


def disagreement(asked: Asked, found: Sequence[Statement], hits: Sequence[Hit]) -> Disagreement | None:
    """The likeliest statement and another one, of another document, that answers otherwise; none where all agree.

    Args:
        asked: The question.
        found: What the passages say, the likeliest first.
        hits: The passages.
    """
    for other in found[1:LOOKED_AT]:
        best, there, here = found[0], hits[other.marker - 1], hits[found[0].marker - 1]
        if _behind(best, other) > BEHIND or not _differ(asked, best, other, hits):
            continue
        if not _asks_for_names(asked) and _named_apart(asked, best, other, hits):
            continue
        newer = _newer(here, there)
        if newer is not None and _DAY.search(asked.text):
            continue  # an edition was asked for
        first, second = (other, best) if newer is there else (best, other)
        return Disagreement(
            first=(first.marker, first.line.unit.start),
            second=(second.marker, second.line.unit.start),
            dated=newer is not None,
        )
    return None


def meanings(asked: Asked, found: Sequence[Statement], hits: Sequence[Hit]) -> tuple[str, ...]:
    """The titles of documents that fit the question equally and answer it differently, each for a subject of its own.

    None where what is asked about is clear. The arguments are as those of `disagreement`.
    """
    best, words_told = found[0], found[0].features.get("covered", 0.0)
    rivals = [
        other
        for other in found[1:LOOKED_AT]
        if asked.kind is not None
        and abs(_behind(best, other)) <= EQUAL
        and other.features.get("covered", 0.0) >= words_told
        and _differ(asked, best, other, hits)
        and _named_apart(asked, best, other, hits)
    ]
    return tuple(dict.fromkeys(hits[one.marker - 1].title for one in (best, *rivals))) if rivals else ()


def note(found: Disagreement | None) -> str:
    """What a model is told of it, in one sentence; empty where there is nothing to tell."""
    if found is None:
        return ""
    prefer = f" Source {found.first[0]} is the newer one: prefer it." if found.dated else ""
    markers = sorted((found.first[0], found.second[0]))
    return f"\n\nSources {markers[0]} and {markers[1]} seem to disagree about this: say so, and cite both.{prefer}"


def is_announced(sentence: str, sources: Sequence[Hit]) -> bool:
    """Whether a sentence says that the sources disagree, which of them is newer, and nothing else.

    No source says so, and none needs to: it was found.
    """
    for hit in sources:
        sentence = sentence.replace(f"“{hit.title}”", "“”").replace(f"„{hit.title}“", "„“")
    return bool(_ANNOUNCED.fullmatch(sentence.strip()))


def _behind(best: Statement, other: Statement) -> float:
    """By how much the other one's score is lower, but for the order in which their passages were found."""
    scores = (one.score - WEIGHTS["rank"] * one.features["rank"] for one in (best, other))
    return next(scores) - next(scores)


def _asks_for_names(asked: Asked) -> bool:
    return asked.kind is None and bool(_WHO.match(asked.text.strip()))


def _differ(asked: Asked, a: Statement, b: Statement, hits: Sequence[Hit]) -> bool:
    """Whether two statements of different documents say something else of the same thing."""
    here, there = hits[a.marker - 1], hits[b.marker - 1]
    editions = _series(here) == _series(there) and _newer(here, there) is not None
    if here.document_id == there.document_id or _alike(a, b, editions=editions) < SAME:
        return False
    if not editions and b.features.get("covered", 0.0) < COVERED * a.features.get("covered", 0.0):
        return False
    if _asks_for_names(asked):
        return _apart(*(set(one.line.names) - set(words(asked.text)) for one in (a, b)))
    if asked.kind is not None:
        return _apart(*(_values(asked.kind, one.said) - set(map(fold, words(asked.text))) for one in (a, b)))
    if _WHETHER.match(asked.text.strip()) and bool(_NO.search(a.said)) != bool(_NO.search(b.said)):
        return True
    ours, theirs = _measures(a.said), _measures(b.said)
    return any(_apart(ours[unit], theirs[unit]) for unit in ours.keys() & theirs.keys())


def _alike(a: Statement, b: Statement, *, editions: bool) -> float:
    """Of the words but for numbers, so that two values do not make two subjects."""
    ours, theirs = ({term for term in one.line.held if not term[0].isdigit()} for one in (a, b))
    size = min(len(ours), len(theirs)) if editions else (len(ours) + len(theirs)) / 2
    return len(ours & theirs) / max(size, 1)


def _named_apart(asked: Asked, a: Statement, b: Statement, hits: Sequence[Hit]) -> bool:
    """Whether each of them names something that neither the question nor the other one does: a product, a place."""
    ours, theirs = (_named(one, hits) for one in (a, b))
    known = set(words(asked.text))
    return _apart(ours - known, theirs - known)


def _named(statement: Statement, hits: Sequence[Hit]) -> set[str]:
    hit = hits[statement.marker - 1]
    above = identifiers(f"{hit.title} {hit.heading}")
    found = statement.line.names | identifiers(statement.said) | above
    return {name for name in found if not _VALUE.fullmatch(name) and not DATE.is_in(name)}


def _apart(ours: set[str], theirs: set[str]) -> bool:
    """Whether each has something that the other lacks; more of the same is no conflict."""
    return bool(ours - theirs) and bool(theirs - ours)


def _values(kind: Kind, said: str) -> set[str]:
    """What of the kind stands there, times in days, so that two weeks are fourteen days."""
    if kind.name == "duration":
        return {_in_days(match) for match in kind.found_in(said)}
    if kind.name in _TOLD_IN_NUMBERS:
        return numbers(said) if kind.is_in(said) else set()
    return {fold(word) for match in kind.found_in(said) for word in words(match)}


def _in_days(duration: str) -> str:
    amount, *_, unit = re.split(r"[ -]", _DECIMAL_COMMA.sub(".", duration.casefold()))
    count = {"half": 0.5}.get(amount, next(map(float, filter(_PLAIN.fullmatch, numbers(amount))), 1.0))
    days = next((days for stem, days in _DAYS.items() if unit.startswith(stem)), 1.0)
    return f"{count * days:.3g}"


def _measures(said: str) -> Mapping[str, set[str]]:
    """Numbers by what they count."""
    found: dict[str, set[str]] = {}
    for match in _MEASURE.finditer(said):
        unit = match["before"] or match["after"]
        found.setdefault(fold(unit.casefold()), set()).update(numbers(match["number"]))
    return found


def _newer(a: Hit, b: Hit) -> Hit | None:
    """Which passage is of the newer document, by the dates or editions in titles and names of files."""
    ours, theirs = _day(a), _day(b)
    if not ours or not theirs or ours.startswith(theirs) or theirs.startswith(ours):
        return _newer_edition(a, b)
    return a if ours > theirs else b


def _newer_edition(a: Hit, b: Hit) -> Hit | None:
    ours, theirs = _edition(a), _edition(b)
    if not ours or not theirs or ours == theirs:
        return None
    return a if ours > theirs else b


def _series(hit: Hit) -> str:
    return _EDITION.sub("", _DAY.sub("", hit.title)).strip()


def _day(hit: Hit) -> str:
    return max(_DAY.findall(hit.title) or _DAY.findall(hit.uri.rsplit("/", 1)[-1]), default="")


def _edition(hit: Hit) -> tuple[int, ...]:
    found = _EDITION.search(hit.title) or _EDITION.search(hit.uri.rsplit("/", 1)[-1])
    return tuple(map(int, found[1].split("."))) if found else ()
