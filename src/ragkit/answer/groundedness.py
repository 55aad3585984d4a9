"""Whether a text supports a sentence, by words: no model, a fraction of a millisecond, the same result every time.

Layers, as word overlap alone misses exactly what matters in a cited answer: the share of the sentence's information
that the evidence holds, then its word pairs, then hard checks for numbers, negation and opposites. It reads no meaning:
a paraphrase in other words scores low.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from ragkit.lexical import fold, numbers, overlap, terms, weights
from ragkit.text import STOPWORDS, words
from ragkit.types import Verdict

__all__ = ["Check", "check"]

SUPPORTED = 0.60
PARTLY = 0.40
"""Scores from which on a sentence is supported, or partly supported.

On WiCE's development set 2 % of the unsupported sentences reach `SUPPORTED`, and 40 % of the supported ones, which are
paraphrases of web pages; sentences that quote reach it nearly always.
"""
ABOUT = 0.50
"""Coverage from which on evidence speaks of the same thing, so that a mismatch contradicts instead of missing."""
PAIRS = 0.2
"""Weight of the word pairs beside that of the words."""
CONTEXT = 0.8
"""What a word counts that only the headings or the header row around the evidence hold."""
MISMATCH = 0.3
"""The highest score of a sentence with a mismatch."""

_NEGATORS = frozenset(
    """
    no not never none nobody nothing neither nor without cannot non
    kein keine keinen keinem keiner nicht nie ohne
    """.split()
)
_REACH = 2
"""A negation covers this many content words after it."""
_OPPOSITES = tuple(
    frozenset(map(fold, pair.split()))
    for pair in (
        "before after", "minimum maximum", "increase decrease", "include exclude", "enable disable", "above below",
        "allow forbid", "allow prohibit", "permit prohibit", "required optional", "more less", "earliest latest",
        "always never", "internal external", "vor nach", "mindestens höchstens",
    )
)  # fmt: skip
_CLAUSE = re.compile(r"[.,;:!?()]\s|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What holding a sentence against its evidence gave."""

    verdict: Verdict
    score: float
    """0 to 1."""


def check(claim: str, evidence: str, *, context: str = "") -> Check:
    """Hold a sentence against the text that it cites.

    Args:
        claim: The sentence, without its markers.
        evidence: What it cites.
        context: What stands above the evidence: title, headings, header row. It can support words and numbers.
    """
    wanted = weights(claim)
    if not wanted or _plain(claim) in _plain(evidence):
        return Check(verdict="supported", score=1.0)
    held = set(terms(evidence))
    coverage = overlap(wanted, held)
    coverage += CONTEXT * overlap(wanted, set(terms(context)) - held)
    score = (1 - PAIRS) * coverage + PAIRS * _pairs(claim, evidence)
    mismatch = _mismatch(claim, evidence, context, coverage)
    if mismatch:
        return Check(verdict=mismatch, score=round(min(score, MISMATCH), 4))
    verdict: Verdict = "supported" if score >= SUPPORTED else "partly" if score >= PARTLY else "unsupported"
    return Check(verdict=verdict, score=round(score, 4))


def _mismatch(claim: str, evidence: str, context: str, coverage: float) -> Verdict | None:
    about = coverage >= ABOUT
    missing = numbers(claim) - numbers(evidence) - numbers(context)
    if missing:
        return "contradicted" if about and numbers(evidence) - numbers(claim) else "unsupported"
    if about and (_negation_differs(claim, evidence) or _opposite(claim, evidence)):
        return "contradicted"
    return None


def _pairs(claim: str, evidence: str) -> float:
    """The share of the claim's neighbouring content words that are neighbours in the evidence, in either order."""
    wanted = [frozenset(pair) for pair in pairwise(terms(claim))]
    if not wanted:
        return 1.0
    held = {frozenset(pair) for pair in pairwise(terms(evidence))}
    return sum(pair in held for pair in wanted) / len(wanted)


def _negation_differs(claim: str, evidence: str) -> bool:
    """Whether a part of the claim says what the nearest part of the evidence denies, or the reverse.

    What both deny somewhere does not differ.
    """
    theirs = [(set(terms(clause)), _denied(clause)) for clause in _CLAUSE.split(evidence)]
    both = _denied(claim) & _denied(evidence)
    for clause in _CLAUSE.split(claim):
        wanted = weights(clause)
        held, denied_there = max(theirs, key=lambda pair: overlap(wanted, pair[0]))
        differ = (_denied(clause) & held) ^ (denied_there & wanted.keys())
        if wanted and differ - both and overlap(wanted, held) >= ABOUT:
            return True
    return False


def _denied(clause: str) -> set[str]:
    """The content words within the reach of a negation."""
    found: set[str] = set()
    left = 0
    for word in words(clause):
        if word in _NEGATORS or word.endswith("n't"):
            left = _REACH
        elif word not in STOPWORDS:
            found |= {fold(word)} if left else set()
            left = max(0, left - 1)
    return found


def _opposite(claim: str, evidence: str) -> bool:
    ours, theirs = ({fold(word) for word in words(text)} for text in (claim, evidence))
    return any(
        len(pair & ours) == 1 and len(pair & theirs) == 1 and pair & ours != pair & theirs for pair in _OPPOSITES
    )


def _plain(text: str) -> str:
    return f" {' '.join(words(text))} "
