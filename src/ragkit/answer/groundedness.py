"""The probability that a text supports a sentence: a logistic model of signs that can be looked at one by one.

Layered, as no likeness is enough alone: the share of the sentence's words that the quote holds or comes near, its word
pairs and their order, the nearness of both as wholes, and hard checks (`ragkit.answer.mismatches`) for what likeness
does not see. No language model, about a millisecond, the same result every time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragkit.answer.mismatches import TURNING, Text, mismatches
from ragkit.answer.places import displaced, replaced
from ragkit.answer.signed import other_sign
from ragkit.answer.windows import Claim, Window
from ragkit.demands import names
from ragkit.lexical import overlap, terms
from ragkit.text import sentences
from ragkit.types import Verdict

__all__ = ["BY_WORDS", "PARTLY", "READ", "SUPPORTED", "Check", "Model", "judge", "signs", "stands_there"]

CONTEXT = 0.8
"""What a word counts that only stands above the quote: in the title, a heading, the header row."""
NUMBER_FROM, DATE_FROM, NAME_FROM, MOVED_FROM = 0.7, 0.5, 0.7, 0.5
"""Shares of the other words that must be there for the mismatch of a number, a date or a name to tell more, and for
another number in the place of one to tell anything."""
SAME = 0.8
"""Share of the words, but for names, numbers and those that turn the sense, from which on another sense, another value
or another name contradicts however likely the sentence is;"""
NEARLY = 0.7
"""and from which on another direction, or a denial beside a negation, does."""
IN_ITS_PLACE = 0.6
"""Share of a name's company from which on another name is in its place."""
SUPPORTED = 0.60
PARTLY = 0.40
"""Probabilities from which on a sentence is supported, or partly supported."""
_MISSING = ("number", "date", "unit", "sign", "invented")
"""With one of these a sentence is not supported, however likely."""
_REPLIES = frozenset({"yes", "ja", "nein"})
"""Words that answer a question and tell nothing of what it was; `no` is no content word anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A logistic model; fitted by `python -m benchmarks.groundedness --fit`."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, found: Mapping[str, float]) -> float:
        """That the text supports the sentence, from 0 to 1, where as many are supported as are not."""
        return 1 / (1 + math.exp(-self.bias - sum(self.weights[name] * found[name] for name in self.weights)))


READ = Model(
    bias=-3.38,
    weights={
        "met": 0.56,  # how well its words are met by those of the quote, in their contexts,
        "met_around": 0.89,  # and by those of the whole passage
        "covered": 1.51,  # the share of its words that the quote or its headings hold
        "order": 0.71,  # the share that stands there in the same order
        "similar": 1.69,  # nearness of the two as wholes
        "name": -0.37,  # the share of its names that nothing lends it
        "number": -0.38,  # a number that is not there
        "negation": -1.08,  # something is denied on one side only
        "denial": -1.28,  # it denies, and the quote denies nothing
        "opposite": -0.77,  # one of two opposites on either side
        "direction": -1.5,  # more on one side, less on the other
        "parity": -0.36,  # decreases and denials on one side even, on the other odd
        "number_alone": -1.66,  # a number that is not there, where most of the rest is
        "date_alone": -2.02,  # a date, alike
        "unit": -1.22,  # the number of something else
        "number_moved": -1.39,  # another number is in the place of one, where some of the rest is there
        "name_moved": -1.0,  # another name is, where most of the rest is there
        "name_replaced": -1.55,  # another name is in the place of one that is nowhere, alike
    },
)
BY_WORDS = Model(
    bias=-2.35,
    weights={
        "met": 1.05,
        "met_around": 1.69,
        "covered": 1.05,
        "order": 0.63,
        "name": -0.36,
        "number": -0.49,
        "negation": -1.25,
        "denial": -1.25,
        "opposite": -0.3,
        "direction": -1.27,
        "parity": -0.49,
        "number_alone": -1.54,
        "date_alone": -2.01,
        "unit": -1.2,
        "number_moved": -1.43,
        "name_moved": -1.0,
        "name_replaced": -1.63,
    },
)
"""Where there are no vectors of tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What holding a sentence against its evidence gave."""

    verdict: Verdict
    score: float
    """The probability that it is supported."""
    barred: bool = False
    """It has a number, date, unit, quotation or address that is not there: no other check makes it supported."""


def judge(claim: Claim, windows: Sequence[Window]) -> Check:
    """Hold a claim against what is quoted for it, all of it together.

    A claim that stands there word for word, or that says nothing, is supported without further ado. A mere yes or no
    cannot be told from the other: it is supported partly.
    """
    said, evidence = Text(claim.text), Text("\n".join(window.said for window in windows))
    if stands_there(said, evidence):
        return Check(verdict="supported", score=1.0)
    if not claim.wanted.keys() - _REPLIES:
        tells = bool(claim.wanted) or said.denials
        return Check(verdict="partly", score=PARTLY) if tells else Check(verdict="supported", score=1.0)
    found = signs(claim, windows)
    model = READ if any(window.similar is not None for window in windows) else BY_WORDS
    score = model.probability(found)
    rival = bool(evidence.numbers - said.numbers)
    missing = any(found[name] for name in _MISSING)
    verdict = _verdict(score, found, missing=missing, rival=rival)
    return Check(verdict=verdict, score=round(score, 4), barred=missing)


def stands_there(said: Text, evidence: Text) -> bool:
    """Whether the evidence says it word for word, and nothing around these words denies them."""
    if said.plain not in evidence.plain or other_sign(said.text, evidence.text):
        return False
    around = [Text(evidence.text[start:end]) for start, end in sentences(evidence.text)]
    return any(said.plain in part.plain and part.denials == said.denials for part in [evidence, *around])


def _verdict(score: float, found: Mapping[str, float], *, missing: bool, rival: bool) -> Verdict:
    if _contradicts(found, other_value=missing and rival):
        return "contradicted"
    if score >= SUPPORTED and not missing:
        return "supported"
    return "partly" if score >= PARTLY and not missing else "unsupported"


def _contradicts(found: Mapping[str, float], *, other_value: bool) -> bool:
    """Whether nearly all of the sentence stands there, and what does not says otherwise."""
    turned = found["negation"] or found["opposite"] or found["sign"]
    if found["rest"] >= SAME and (turned or other_value or found["in_its_place"] >= IN_ITS_PLACE):
        return True
    return found["rest"] >= NEARLY and bool(found["direction"] or (found["negation"] and found["denial"]))


def signs(claim: Claim, windows: Sequence[Window]) -> Mapping[str, float]:
    """What tells whether these windows together support the claim."""
    said = Text(claim.text)
    evidence, known = Text("\n".join(w.said for w in windows)), Text("\n".join(w.known for w in windows))
    held = frozenset().union(*(window.held for window in windows))
    lent = frozenset(terms(known.text)) - held
    found = mismatches(said, evidence, known)
    number = max(found["number"], found["sign"])  # with another sign it is another number
    moved = displaced(claim.text, evidence.text)
    other = replaced(claim.text, evidence.text, held | lent | evidence.folded)
    around = Text("\n".join(window.passage for window in windows))
    anywhere = replaced(claim.text, around.text, lent | around.folded)
    covered = overlap(claim.wanted, held) + CONTEXT * overlap(claim.wanted, lent)
    similar = [window.similar for window in windows if window.similar is not None]
    # Where all else is there, a number or date that is not has been exchanged; a paraphrase may count in another way.
    plain = _plain_words(claim)
    rest = overlap(plain, held)
    above = np.array([CONTEXT * (term in lent) for term in claim.wanted], np.float32)
    return {
        "met": float(claim.tells @ np.max([above, *(window.met for window in windows)], axis=0)),
        "met_around": float(claim.tells @ np.max([above, *(window.met_around for window in windows)], axis=0)),
        "covered": covered,
        "order": _common(terms(claim.text), terms(evidence.text)),
        "similar": max(similar, default=covered),
        "in_its_place": max(other, anywhere),  # the quote may be another sentence about the same
        "rest": overlap({term: tells for term, tells in plain.items() if term not in TURNING}, held),
        **found,
        "number": number,
        "number_alone": number * _above(rest, NUMBER_FROM),
        "date_alone": found["date"] * _above(rest, DATE_FROM),
        "number_moved": moved["number"] * _above(rest, MOVED_FROM),
        "name_moved": moved["name"] * _above(rest, NAME_FROM),
        "name_replaced": other * _above(rest, NAME_FROM),
    }


def _plain_words(claim: Claim) -> dict[str, float]:
    """Its words that are neither names nor numbers."""
    named = {term for name in names(claim.text) for term in terms(name)}
    return {
        term: tells for term, tells in claim.wanted.items() if term not in named and not any(map(str.isdigit, term))
    }


def _above(share: float, least: float) -> float:
    """0 up to the least share, then rising to 1."""
    return max(0.0, share - least) / (1 - least)


def _common(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """The longest common subsequence, as a share of ours."""
    row = [0] * (len(theirs) + 1)
    for word in ours:
        before = 0
        for place, other in enumerate(theirs, start=1):
            before, row[place] = row[place], before + 1 if word == other else max(row[place], row[place - 1])
    return row[-1] / len(ours) if ours else 1.0
