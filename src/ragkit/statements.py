"""What passages say that may answer a question: each sentence, list item, row or record, with how likely it does.

The score is a log-linear model of features that can be looked at one by one: its exponential, as a share of that of
all statements, is the probability of being the answer, given that there is one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ragkit.lexical import overlap, terms
from ragkit.reading import Asked, Line, Reading, met
from ragkit.types import Hit

__all__ = ["WEIGHTS", "Statement", "ranked"]

WEIGHTS: Mapping[str, float] = {
    "passage_met": 2.14,  # how well the tokens of the passage meet what is asked about,
    "met": 3.26,  # those of the statement,
    "met_near": 2.97,  # those within `NEAR` of it,
    "met_above": 3.45,  # those of the statement, its title, its headings and the first line of its table or list
    "weakest": 2.62,  # how near the statement comes to the token that it is farthest from
    "asked": 2.48,  # how well its tokens meet the words that are asked with,
    "asked_new": 1.73,  # and those of its tokens that the question does not have
    "similar": 2.68,  # nearness of question and statement as wholes
    "covered": 1.06,  # share of the question's words that are in the statement,
    "covered_else": -0.77,  # and of those that are in the passage, but not near it
    "codes": 1.18,  # and of its words with a digit
    "pairs": 0.73,  # share of the neighbouring words that are neighbours in it
    "fits": 1.17,  # 1 where it has the kind of value that is asked for, -1 where it has not
    "rank": 1.88,  # one over the rank of the passage
    "superseded": -1.32,  # another passage is of a newer edition of its document, and the question names no year
}
"""Fitted by `python -m benchmarks.answers --fit statements`, with the default embedder."""
NEAR = 30
"""Tokens before and after a statement that tell what it is about."""
LENT = 0.1
"""A heading that holds this share of the question is said before the sentence."""

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Something that can be said of the sources."""

    marker: int
    """The number of its passage, from 1."""
    line: Line
    edition: str
    """The year of its document; empty where it names none."""
    features: Mapping[str, float]
    said: str
    probability: float = 0.0

    @property
    def score(self) -> float:
        return sum(WEIGHTS[name] * value for name, value in self.features.items())


def ranked(reading: Reading) -> list[Statement]:
    """What the passages say, the likeliest answer first."""
    found = sorted(_statements(reading), key=lambda statement: -statement.score)
    if not found:
        return []
    shares = [math.exp(statement.score - found[0].score) for statement in found]
    return [replace(s, probability=share / sum(shares)) for s, share in zip(found, shares, strict=True)]


def _statements(reading: Reading) -> Iterator[Statement]:
    asked = reading.asked
    newest: dict[str, str] = {}
    for hit in reading.hits:
        newest[_series(hit)] = max(newest.get(_series(hit), ""), _edition(hit))
    for marker, (hit, passage) in enumerate(zip(reading.hits, reading.passages, strict=True), start=1):
        near = reading.tokens[marker - 1]
        edition = _edition(hit)
        superseded = not _YEAR.search(asked.text) and edition < newest[_series(hit)]
        shared = {"passage_met": met(asked.about, near), "rank": 1 / marker, "superseded": float(superseded)}
        for line, similar in zip(passage.lines, reading.lines[marker - 1], strict=True):
            features = {
                **shared,
                **_met(asked, line, near, before=passage.before),
                **_worded(asked, line, passage.held),
                "similar": float(similar),
                "fits": _fits(asked, line),
            }
            said = _with_topic(asked, line, hit.title)
            yield Statement(marker=marker, line=line, edition=edition, features=features, said=said)


def _edition(hit: Hit) -> str:
    """The newest year in the title of its document, or in its file's name."""
    years = _YEAR.findall(hit.title) or _YEAR.findall(hit.uri.rsplit("/", 1)[-1])
    return max(years, default="")


def _series(hit: Hit) -> str:
    """What the editions of a document have in common."""
    return _YEAR.sub("", hit.title)


def _met(asked: Asked, line: Line, near: NDArray[np.float32], *, before: int) -> dict[str, float]:
    own = near[:, line.rows]
    if not own.shape[1]:  # beyond what the embedder reads
        return {}
    about = asked.about > 0
    above = np.concatenate([near[:, :before], near[:, line.opening], own], axis=1)
    new = 1 - np.clip(own[about].max(axis=0, initial=0.0), 0, 1)
    return {
        "met": met(asked.about, own),
        "met_near": met(asked.about, near[:, max(0, line.rows.start - NEAR) : line.rows.stop + NEAR]),
        "met_above": met(asked.about, above),
        "weakest": float(own[about].max(axis=1).min()) if about.any() else 0.0,
        "asked": met(asked.asking, own),
        "asked_new": met(asked.asking, own * new),
    }


def _worded(asked: Asked, line: Line, passage: frozenset[str]) -> dict[str, float]:
    wanted = asked.wanted
    if not wanted:
        return {}
    codes = {term for term in wanted if any(map(str.isdigit, term))}
    return {
        "covered": overlap(wanted, line.held),
        "codes": len(codes & line.held) / max(len(codes), 1),
        "covered_else": overlap(wanted, passage - line.around),
        "pairs": len(asked.pairs & line.pairs) / max(len(asked.pairs), 1),
    }


def _fits(asked: Asked, line: Line) -> float:
    """Whether it has the kind of thing that is asked for, and not only what the question has itself."""
    kind = asked.kind
    if kind is None:
        return 0.0
    is_new = bool(line.numbers - asked.numbers) or kind.name == "colour"
    return 1.0 if is_new and kind.is_in(line.said) else -1.0


def _with_topic(asked: Asked, line: Line, title: str) -> str:
    """Below its heading where that holds a part of the question which the statement does not say."""
    if not asked.wanted or line.topic == title:
        return line.said
    lent = overlap(asked.wanted, set(terms(line.topic)) - line.held)
    return f"{line.topic}: {line.said}" if lent >= LENT else line.said
