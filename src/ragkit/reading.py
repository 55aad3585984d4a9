"""A question and the passages that were found for it, read once for all that is asked of them.

Whether they hold an answer and which of their lines is the answer are told by the same things: which words of the
question are where, and how near the tokens of a passage come to those of the question, each in its context.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.demands import Kind
from ragkit.lexical import numbers, terms
from ragkit.passages import Unit, units
from ragkit.types import Hit

if TYPE_CHECKING:
    from ragkit.protocols import Matrix

__all__ = ["Asked", "Line", "Passage", "Reading", "Word", "lines", "met", "neighbours"]

_SECTION_NUMBER = re.compile(r"^(?:\d+\.)+\d*\s+")
_POINTS_BACK = re.compile(
    r"(?:it|its|they|their|this|these|that|those|he|she|his|her|es|er|sie|dies\w*)\b(?!\s+(?:is|are) (?:why|how))",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[\w,;)] )[A-ZÄÖÜ]\w+")
_NOWHERE = slice(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word that tells what a question is about."""

    terms: frozenset[str]
    tells: float
    """0 to 1."""
    rows: slice
    """Its tokens; none where the embedder gives no vectors of tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question."""

    text: str
    wanted: Mapping[str, float]
    """Its content words with what each tells, as of `ragkit.lexical.weights`."""
    words: tuple[Word, ...]
    pairs: frozenset[frozenset[str]]
    numbers: frozenset[str]
    kind: Kind | None
    rows: Matrix
    """A row a token."""
    about: NDArray[np.float32]
    """What each token weighs in what the question is about."""
    asking: NDArray[np.float32]
    """And in what it asks with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A unit of a passage, and what of it does not depend on the question."""

    unit: Unit
    said: str
    """With the sentence before it where it begins with a pronoun."""
    topic: str
    """The nearest heading, or the title."""
    held: frozenset[str]
    """Its content words."""
    around: frozenset[str]
    """Those of title, headings, header row, lead and the lines before and after it too."""
    pairs: frozenset[frozenset[str]]
    numbers: frozenset[str]
    names: frozenset[str]
    """Words that begin with a capital, but do not begin a sentence; casefolded."""
    rows: slice
    """Which of the passage's tokens are its own."""
    opening: slice
    """And which are those of the line that its paragraph, list or table begins with, where that is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A passage as it was read; it does not depend on the question."""

    lines: tuple[Line, ...]
    held: frozenset[str]
    """The content words of title, headings and text."""
    rows: Matrix
    """A row a token, of title, headings and text."""
    before: int
    """How many of them are of title and headings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read for one question.

    Nearness is on a scale where unrelated texts have 0, and a question and its answer 1, whatever the embedder.
    """

    asked: Asked
    hits: tuple[Hit, ...]
    passages: tuple[Passage, ...]
    """One a hit."""
    tokens: tuple[NDArray[np.float32], ...]
    """Nearness for each passage, of shape (tokens of the question, tokens of the passage)."""
    lines: tuple[NDArray[np.float32], ...]
    """Nearness of the question as a whole to each line of each passage."""


def met(weight: NDArray[np.float32], nearness: NDArray[np.float32]) -> float:
    """The weighted mean over a question's tokens of the best match among the columns; 0 where there is none."""
    total = float(weight.sum())
    return float(weight @ nearness.max(axis=1)) / total if total and nearness.shape[1] else 0.0


def lines(title: str, heading: str, text: str) -> Iterator[Line]:
    """What a passage says, but for whose tokens are whose."""
    quotable = units(text)
    held = [frozenset(terms(unit.said)) for unit in quotable]
    above = frozenset(terms(f"{title} {heading}"))
    for place, unit in enumerate(quotable):
        if unit.kind == "heading":
            continue
        said = _with_antecedent(quotable[:place], unit)
        words = terms(said)
        near = frozenset().union(*held[max(0, place - 1) : place + 2])
        yield Line(
            unit=unit,
            said=said,
            topic=_SECTION_NUMBER.sub("", unit.heading or heading.rsplit(" > ", 1)[-1]).rstrip(".:") or title,
            held=frozenset(words),
            around=above.union(words, near, terms(f"{unit.heading} {unit.lead}")),
            pairs=neighbours(words),
            numbers=frozenset(numbers(said)),
            names=frozenset(name.casefold() for name in _NAME.findall(said)),
            rows=_NOWHERE,
            opening=_NOWHERE,
        )


def neighbours(words: Sequence[str]) -> frozenset[frozenset[str]]:
    """The pairs of words that follow each other."""
    return frozenset(frozenset(pair) for pair in pairwise(words))


def _with_antecedent(before: Sequence[Unit], unit: Unit) -> str:
    """A sentence that begins with a pronoun is said after the one that it points at."""
    points_back = _POINTS_BACK.match(unit.said) and before and before[-1].kind == unit.kind == "prose"
    return f"{before[-1].said} {unit.said}" if points_back else unit.said
