"""True statements about passages, and the same with one error: what a check of citations must tell apart.

Each true statement is a sentence of a passage, put a little otherwise; its twin has the same words but for the error.
So neither length nor wording tells them apart. The same seed makes the same statements.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ragkit.lexical import numbers, overlap, terms, weights
from ragkit.text import sentences

__all__ = ["KINDS", "Passage", "Statement", "corrupted", "inject"]

SHORTEST, LONGEST = 7, 40
"""Words of a sentence that is taken."""
MONTHS = (
    "January February March April May June July August September October November December".split()
)  # fmt: skip
UNITS = (
    ("seconds", "minutes", "hours", "days", "weeks", "months", "years"),
    ("million", "billion", "trillion"),
    ("dollars", "euros", "pounds"),
    ("metres", "kilometres", "miles", "feet"),
    ("kilograms", "tons", "grams"),
)

_NUMBER = re.compile(r"(?<![\w.,/-])\d{1,3}(?:,\d{3})+(?![\w,/-])|(?<![\w.,/-])\d+(?:\.\d+)?(?![\w,/-]|\.\d)")
_YEAR = re.compile(r"(?<![\w.,/-])(?:1[5-9]|20)\d\d(?![\w,/-]\d|\d)")
_MONTH = re.compile(rf"\b(?:{'|'.join(month for month in MONTHS if month != 'May')})\b")
_NAME = re.compile(r"(?<=[a-z,;)] )[A-Z][\w-]+(?: (?:of |the |de |von )?[A-Z][\w-]+)*")
_VERB = re.compile(r"\b(is|was|are|were|can|will|has|have|had|may|should|must|would|could)\b(?! not\b|n't)")
_NOT = re.compile(r"\b(is|was|are|were|can|will|has|have|had|may|should|must|would|could|did|does|do) not\b")
_UNIT = re.compile(rf"\b(?:{'|'.join(unit for kind in UNITS for unit in kind)})\b")
_FIRST_PART = re.compile(
    r"(?P<first>(?:In|On|At|By|During|After|Since|Until|Before|Under|For|From) [^,]{4,60}), (?P<rest>.+)\.$"
)
_ASIDE = re.compile(r" \([^()]{3,80}\)|, which [^,.]{5,80}(?=[,.])")
_REWORDED = (
    ("began", "started"), ("approximately", "about"), ("because", "since"), ("many", "numerous"), ("such as", "like"),
    ("largest", "biggest"), ("received", "got"), ("due to", "because of"), ("as well as", "and"),
    ("purchased", "bought"),
    ("constructed", "built"), ("located in", "situated in"), ("in order to", "to"), ("referred to as", "called"),
    ("utilized", "used"), ("used to", "used for the purpose to"), ("known as", "called"), ("also", "moreover"),
    ("several", "a number of"), ("main", "chief"), ("required", "needed"), ("returns", "gives back"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Some text of a document."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is said of a passage."""

    passage: Passage
    text: str
    supported: bool
    kind: str
    """Of its error, or of its twin's."""


Error = Callable[[str, str, Sequence[str], random.Random], str | None]
"""Of a statement, its passage's text and names of other passages; none where the error cannot be made."""


def inject(passages: Sequence[Passage], *, each: int, seed: int) -> list[Statement]:
    """Pairs of a true statement and one with an error, `each` of a kind at most; no passage twice for one kind."""
    rng = random.Random(seed)
    others = sorted({match.group() for passage in passages for match in _NAME.finditer(passage.text)})
    found = []
    for kind in KINDS:
        made = 0
        for passage in rng.sample(passages, len(passages)):
            pair = _pair(kind, passage, passages, others, rng)
            if pair and made < each:
                found += pair
                made += 1
    return found


def corrupted(statement: str, context: str, names: Sequence[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    """A given statement with each error that can be made in it, by kind."""
    for kind, error in _ERRORS.items():
        wrong = error(statement, context, names, rng)
        if wrong:
            yield kind, wrong


def _pair(
    kind: str, passage: Passage, passages: Sequence[Passage], names: Sequence[str], rng: random.Random
) -> list[Statement]:
    spans = sentences(passage.text)
    for start, end in rng.sample(spans, len(spans)):
        sentence = " ".join(passage.text[start:end].split())
        if not (SHORTEST <= len(sentence.split()) <= LONGEST and sentence[0].isupper() and sentence.endswith(".")):
            continue
        true = _put_otherwise(sentence, rng)
        if kind == "wrong citation":
            other = _nearest_other(true, passage, passages)
            if other is not None:
                return [_statement(passage, true, kind, True), _statement(other, true, kind, False)]
        else:
            wrong = _ERRORS[kind](true, passage.text, names, rng)
            if wrong:
                return [_statement(passage, true, kind, True), _statement(passage, wrong, kind, False)]
    return []


def _statement(passage: Passage, text: str, kind: str, supported: bool) -> Statement:
    return Statement(passage=passage, text=text, supported=supported, kind=kind)


def _put_otherwise(sentence: str, rng: random.Random) -> str:
    """Asides left out, an opening put at the end, common words exchanged; some stay as they are."""
    if rng.random() < 0.7:
        sentence = _ASIDE.sub("", sentence)
    opening = _FIRST_PART.match(sentence)
    if opening and rng.random() < 0.7 and not opening["rest"].startswith("and "):
        rest = opening["rest"]
        sentence = f"{rest[0].upper()}{rest[1:]} {opening['first'][0].lower()}{opening['first'][1:]}."
    for ours, theirs in _REWORDED:
        if rng.random() < 0.7:
            sentence = re.sub(rf"\b{ours}\b", theirs, sentence)
    if rng.random() < 0.2:
        sentence = f"According to the document, {sentence}"
    return sentence


def _nearest_other(statement: str, passage: Passage, passages: Sequence[Passage]) -> Passage | None:
    """The passage of the same document that shares most of the statement's words, but does not hold it."""
    wanted = weights(statement)
    near = [other for other in passages if other.title == passage.title and other.text != passage.text]
    shares = [overlap(wanted, set(terms(other.text))) for other in near]
    best = max(range(len(near)), key=lambda place: shares[place] if shares[place] < HELD else 0.0, default=None)
    return None if best is None or shares[best] >= HELD else near[best]


HELD = 0.8
"""A passage that has this share of a statement's words may say it too."""


def _number(statement: str, context: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = [match for match in _NUMBER.finditer(statement) if not _YEAR.fullmatch(match.group())]
    if not found:
        return None
    chosen = rng.choice(found)
    own = numbers(chosen.group())
    there = [
        m.group() for m in _NUMBER.finditer(context) if not _YEAR.fullmatch(m.group()) and numbers(m.group()) != own
    ]
    if there and rng.random() < 0.5:
        return _with(statement, chosen, rng.choice(there))
    digits = chosen.group()
    while numbers(digits) == own or numbers(digits) & numbers(context):
        digits = re.sub(r"\d", lambda m: str(rng.randint(1, 9)), chosen.group())
        if len(own) == 1 and len(chosen.group()) == 1 and all(str(d) in numbers(context) for d in range(1, 10)):
            return None
    return _with(statement, chosen, digits)


def _date(statement: str, context: str, names: Sequence[str], rng: random.Random) -> str | None:
    years, months = list(_YEAR.finditer(statement)), list(_MONTH.finditer(statement))
    if months and (not years or rng.random() < 0.4):
        chosen = rng.choice(months)
        return _with(statement, chosen, rng.choice([m for m in MONTHS if m != chosen.group() and m != "May"]))
    if not years:
        return None
    chosen = rng.choice(years)
    there = [year for year in _YEAR.findall(context) if year != chosen.group()]
    if there and rng.random() < 0.5:
        return _with(statement, chosen, rng.choice(there))
    return _with(statement, chosen, str(int(chosen.group()) + rng.choice([-30, -12, -5, -2, -1, 1, 2, 5, 12])))


def _name(statement: str, context: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = [match for match in _NAME.finditer(statement) if not _MONTH.search(match.group())]
    if not found:
        return None
    chosen = rng.choice(found)
    size = len(chosen.group().split())
    alike = [name for name in names if len(name.split()) == size and name not in context and not _MONTH.search(name)]
    return _with(statement, chosen, rng.choice(alike)) if alike else None


def _negation(statement: str, context: str, names: Sequence[str], rng: random.Random) -> str | None:
    denied = _NOT.search(statement)
    if denied:
        return _with(statement, denied, denied.group(1))
    said = _VERB.search(statement)
    return _with(statement, said, f"{said.group()} not") if said else None


def _swap(statement: str, context: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = [match for match in _NAME.finditer(statement) if not _MONTH.search(match.group())]
    pairs = [
        (one, other)
        for place, one in enumerate(found)
        for other in found[place + 1 :]
        if not set(one.group().split()) & set(other.group().split())
        # Members of a list can change places.
        and set(re.findall(r"\b[a-z]+\b", statement[one.end() : other.start()])) - {"and", "or", "the"}
    ]
    if not pairs:
        return None
    one, other = rng.choice(pairs)
    between = statement[one.end() : other.start()]
    return statement[: one.start()] + other.group() + between + one.group() + statement[other.end() :]


def _unit(statement: str, context: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = [match for match in _UNIT.finditer(statement) if re.search(r"\d[\d.,]* $", statement[: match.start()])]
    if not found:
        return None
    chosen = rng.choice(found)
    kind = next(kind for kind in UNITS if chosen.group() in kind)
    return _with(statement, chosen, rng.choice([unit for unit in kind if unit != chosen.group()]))


def _with(statement: str, match: re.Match[str], other: str) -> str:
    return statement[: match.start()] + other + statement[match.end() :]


_ERRORS: Mapping[str, Error] = {
    "number": _number,
    "date": _date,
    "name": _name,
    "negation": _negation,
    "swapped": _swap,
    "unit": _unit,
}
KINDS = (*_ERRORS, "wrong citation")
"""The errors that are made."""
