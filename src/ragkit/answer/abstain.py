"""Decides, before anything is written, whether what was found can answer the question.

A logistic model of the signs of `ragkit.answer.evidence` gives the probability that it can. Beside it stand three
rules, for demands so rare that they cannot be fitted: a code, a period or a kind of value that what was found lacks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragkit.answer.conflicts import meanings
from ragkit.answer.evidence import lacking, signs
from ragkit.demands import identifiers, is_german, names
from ragkit.lexical import fold, weights
from ragkit.reader import Reader
from ragkit.reading import Reading
from ragkit.statements import Statement, ranked
from ragkit.types import Evidence, Hit, Reason

__all__ = ["ANSWERABLE", "BIAS", "WEIGHTS", "Judge", "Judgement", "probability", "refusal"]

BIAS = -2.68
WEIGHTS: Mapping[str, float] = {
    "similar": 2.83,  # nearness of the question to the likeliest statement
    "weakest": 1.39,  # how near that comes to the token that it is farthest from
    "lead": 0.07,  # by how much it is likelier than those of other passages
    "words": 0.09,  # of more words, one is more easily far
    "unmet": -0.30,  # how far it stays from one of the question's words, less where its document has that word
    "name": -0.46,  # its document lacks a name
    "number": -0.86,  # its passage lacks a number
    "date": -1.73,  # its passage lacks a year, month or weekday
    "unnamed": -0.07,  # who, which or what is asked, and it names nothing new
    "negation": -1.69,  # the question or the statement denies what the other does not
    "opposite": -1.35,  # a word is asked for, and its opposite stands there
}
"""Fitted by `python -m benchmarks.answers --fit evidence`, with the default embedder."""
ANSWERABLE = 0.27
"""Least probability to answer: at it 1 in 24 of SQuAD's answerable questions is refused, of those that are for fitting,
by this or by a rule. At .29, where it is 1 in 20, the golden questions lose an answer for a refusal."""
ABOUT = 0.5
"""Least nearness of the nearest statement, for a question that is about the documents: half way to an answer."""


TELLS = 0.45
"""A word that tells less says nothing of what a question is about."""
SUGGESTED = 3
"""Topics that a refusal names at most."""

_VAGUE = frozenset(map(fold, "viel viele lange dauert kostet kosten genau geht gilt gibt bitte hallo hello".split()))
_POINTS = re.compile(
    r"\b(?:it|its|this|that|these|those|they|them|he|she|es|das|dies\w*|er|sie|davon|dafür|damit)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """The sentences of a refusal in a language."""

    quoted: str
    last: str
    nothing: str
    unclear: str
    nearest: str


_ENGLISH = _Said(
    quoted="“{}”",
    last=" or ",
    nothing="I found nothing about this in the documents. Try other words, or ingest a document that covers it.",
    unclear="The question does not say clearly what it is about. Name it, for instance {about}.",
    nearest="The documents do not seem to hold an answer to this. What came nearest is {where}. "
    "Ask about {about}, try other words, or ingest a document that covers it.",
)
_GERMAN = _Said(
    quoted="„{}“",
    last=" oder ",
    nothing="Dazu steht nichts in den Dokumenten. Versuchen Sie andere Wörter, oder nehmen Sie ein Dokument auf, das "
    "davon handelt.",
    unclear="Die Frage sagt nicht deutlich, wovon sie handelt. Nennen Sie es beim Namen, zum Beispiel {about}.",
    nearest="Die Dokumente enthalten darauf wohl keine Antwort. Am nächsten kommt {where}. "
    "Fragen Sie nach {about}, versuchen Sie andere Wörter, oder nehmen Sie ein Dokument auf, das davon handelt.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether to answer, and from how probable an answer on."""

    reason: Reason | None = None
    """Why not."""
    evidence: Evidence | None = None
    """None where a rule decided."""


class Judge:
    """Judges whether passages can answer a question.

    Args:
        reader: Reads question and passages.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def reason_to_abstain(self, question: str, hits: Sequence[Hit]) -> Reason | None:
        """Why not to answer from these passages; none when it can be tried."""
        return self.judge(question, hits).reason

    def judge(self, question: str, hits: Sequence[Hit], *, least: float | None = None) -> Judgement:
        """Whether to answer from these passages.

        Args:
            question: As it stands alone.
            hits: What was found.
            least: The probability from which on to answer, as it was tuned; `ANSWERABLE` without.
        """
        if is_vague(question):
            return Judgement(reason="underspecified")
        if not hits or lacking(question, hits):
            return Judgement(reason="no_evidence")
        reading = self._reader.read(question, hits)
        found = ranked(reading)
        if not found:
            return Judgement(reason="no_evidence")
        held = round(probability(signs(reading, found, hits)), 4)
        evidence = Evidence(probability=held, least=ANSWERABLE if least is None else least, tuned=least is not None)
        return Judgement(reason=_reason(reading, found, evidence), evidence=evidence)


def _reason(reading: Reading, found: Sequence[Statement], evidence: Evidence) -> Reason | None:
    if evidence.probability >= evidence.least:
        return "underspecified" if meanings(reading.asked, found, reading.hits) else None
    return "no_evidence" if max(one.features["similar"] for one in found) >= ABOUT else "off_topic"


def probability(signs: Mapping[str, float]) -> float:
    """That what was found holds an answer, from 0 to 1, where as many questions have one as have none."""
    return 1 / (1 + math.exp(-BIAS - sum(WEIGHTS[name] * value for name, value in signs.items())))


def is_vague(question: str) -> bool:
    """Whether it does not say what it is about: it has common words only, and points at something else or has but one.

    Of a conversation's question this is asked of what it was rewritten to.
    """
    if names(question) or identifiers(question):
        return False
    told = {word: tells for word, tells in weights(question).items() if word not in _VAGUE}
    return all(tells < TELLS for tells in told.values()) and (len(told) < 2 or bool(_POINTS.search(question)))


def refusal(question: str, hits: Sequence[Hit], reason: Reason | None = None) -> str:
    """What to say instead of an answer, in English or German: what came nearest, and what to ask instead."""
    said = _GERMAN if is_german(question) else _ENGLISH
    if not hits:
        return said.nothing
    about = list(dict.fromkeys(hit.heading.rsplit(" > ", 1)[-1].strip() or hit.title for hit in hits))[:SUGGESTED]
    topics = [said.quoted.format(topic) for topic in about]
    listed = said.last.join(filter(None, (", ".join(topics[:-1]), topics[-1])))
    if reason == "underspecified":
        return said.unclear.format(about=listed)
    nearest = hits[0]
    where = said.quoted.format(nearest.title) + (f" ({nearest.heading})" if nearest.heading else "")
    return said.nearest.format(where=where, about=listed)
