"""Signs that what was found holds an answer, or does not: what `ragkit.answer.abstain` weighs.

A question that only looks answerable is near its passages in most of its words, and far in one: so most signs are of
the word, name, number or date that is missing, not of the overall likeness.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ragkit.answer.mismatches import CHECKS, Text
from ragkit.demands import identifiers, kind_of, names, periods
from ragkit.lexical import terms
from ragkit.reading import Reading, Word
from ragkit.statements import Statement
from ragkit.text import words
from ragkit.types import Hit

__all__ = ["lacking", "signs"]

NEAREST = 2
"""The period that is asked for must be in one of so many passages,"""
NEAR = 4
"""and the kind of value in one of so many."""
CERTAIN = 1.3
"""Nearness from which on a token is there."""
IN_DOCUMENT = 0.4
"""What the distance of a word counts that another passage of the same document has."""
NO_RIVAL = 3.0
"""The lead over other passages where there are none."""

_JOINERS = re.compile(r"[\W_]+")
_NOTHING = Text("")
_WHO = re.compile(r"\b(?:who|whom|whose|which|what|wer|wem|wen)\b", re.IGNORECASE)


def signs(reading: Reading, found: Sequence[Statement], hits: Sequence[Hit]) -> Mapping[str, float]:
    """What tells whether the likeliest statement answers.

    Args:
        reading: Of the first hits.
        found: Its statements, the likeliest first; at least one.
        hits: All that was found.
    """
    asked, best = reading.asked, found[0]
    passage = best.marker - 1
    document = reading.hits[passage].document_id
    held = {term for hit in hits if hit.document_id == document for term in terms(_known_as(hit))}
    rival = next((other.score for other in found if other.marker != best.marker), best.score - NO_RIVAL)
    unnamed = asked.kind is None and bool(_WHO.search(asked.text)) and not best.line.names - set(words(asked.text))
    question, said, whole = Text(asked.text), Text(best.line.said), Text(_whole(reading.hits[passage]))
    return {
        "similar": best.features["similar"],
        "weakest": best.features.get("weakest", 0.0),
        "lead": best.score - rival,
        "words": float(len(asked.words)),
        "unmet": max((_far(word, best, reading, held) for word in asked.words), default=0.0),
        "name": float(any(not set(terms(name)) <= held for name in names(asked.text))),
        "unnamed": float(unnamed),
        "number": CHECKS["number"](question, whole, _NOTHING),
        "date": _undated(question, whole),
        # What is near in all its words may be asked the other way round.
        **{name: CHECKS[name](question, said, _NOTHING) for name in ("negation", "opposite")},
    }


def lacking(question: str, hits: Sequence[Hit]) -> bool:
    """Whether a demand of the question is met nowhere: a code or acronym, a period, a kind of value."""
    return _lacks_identifier(question, hits) or _lacks_period(question, hits) or _lacks_kind(question, hits)


def _undated(question: Text, passage: Text) -> float:
    """Whether the passage lacks a date of the question, in any notation."""
    asked = periods(question.text)
    return 0.0 if asked and asked <= periods(passage.text) else CHECKS["date"](question, passage, _NOTHING)


def _far(word: Word, statement: Statement, reading: Reading, held: set[str]) -> float:
    """How far a statement stays from a word, by what the word tells; less where its document has the word."""
    near = reading.tokens[statement.marker - 1][word.rows, statement.line.rows]
    distance = (
        max(CERTAIN - float(near.max(axis=1).mean()), 0.0)
        if near.size
        else float(word.terms.isdisjoint(statement.line.held))
    )
    return word.tells * distance * (IN_DOCUMENT if word.terms & held else 1.0)


def _whole(hit: Hit) -> str:
    return f"{hit.title}\n{hit.heading}\n{hit.text}"


def _known_as(hit: Hit) -> str:
    """With the words of its file's name and of the addresses in it, which often name what it is about."""
    whole = _whole(hit)
    addresses = " ".join(word for word in whole.split() if "@" in word)
    return f"{whole} {_JOINERS.sub(' ', addresses)} {_JOINERS.sub(' ', hit.uri.rsplit('/', 1)[-1])}"


def _lacks_identifier(question: str, hits: Sequence[Hit]) -> bool:
    named = identifiers(question)
    return bool(named) and not named <= {word for hit in hits for word in words(_whole(hit))}


def _lacks_period(question: str, hits: Sequence[Hit]) -> bool:
    asked = periods(question)
    # A document that is dated in its title speaks of that time, whatever other dates it mentions.
    return bool(asked) and not any(asked <= (periods(hit.title) or periods(_whole(hit))) for hit in hits[:NEAREST])


def _lacks_kind(question: str, hits: Sequence[Hit]) -> bool:
    """Whether no passage has such a value: of all those with the names of the question, else of the nearest."""
    kind, named = kind_of(question), identifiers(question)
    if kind is None:
        return False
    about = [hit for hit in hits if named <= set(words(_whole(hit)))] if named else hits[:NEAR]
    return not any(kind.is_in(hit.text) for hit in about)
