"""Decides, before anything is written, whether what was found can answer the question.

A logistic model of the signs of `ragkit.answer.evidence` gives the probability that it can. Beside it stand three
rules, for demands so rare that they cannot be fitted: a code, a period or a kind of value that what was found lacks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ragkit.answer.evidence import lacking, signs
from ragkit.reader import Reader
from ragkit.statements import ranked
from ragkit.types import Hit, Reason

__all__ = ["BIAS", "WEIGHTS", "Judge", "probability", "refusal"]

BIAS = -2.65
WEIGHTS: Mapping[str, float] = {
    "similar": 2.78,  # nearness of the question to the likeliest statement
    "weakest": 1.12,  # how near that comes to the token that it is farthest from
    "lead": 0.08,  # by how much it is likelier than those of other passages
    "words": 0.10,  # of more words, one is more easily far
    "unmet": -0.30,  # how far it stays from one of the question's words, less where its document has that word
    "name": -0.50,  # its document lacks a name
    "number": -0.62,  # its passage lacks a number
    "year": -1.49,  # the first three passages lack a year
    "unnamed": -0.17,  # who, which or what is asked, and it names nothing new
}
"""Fitted by `python -m benchmarks.answers --fit evidence`, with the default embedder."""
ANSWERABLE = 0.31
"""Least probability to answer: the largest at which 1 in 20 of SQuAD's answerable questions is refused, of those that
are for fitting."""
ABOUT = 0.5
"""Least nearness of the nearest statement, for a question that is about the documents: half way to an answer."""


class Judge:
    """Judges whether passages can answer a question.

    Args:
        reader: Reads question and passages.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def reason_to_abstain(self, question: str, hits: Sequence[Hit]) -> Reason | None:
        """Why not to answer from these passages; none when it can be tried."""
        if not hits or lacking(question, hits):
            return "no_evidence"
        reading = self._reader.read(question, hits)
        found = ranked(reading)
        if not found:
            return "no_evidence"
        if probability(signs(reading, found, hits)) >= ANSWERABLE:
            return None
        return "no_evidence" if max(one.features["similar"] for one in found) >= ABOUT else "off_topic"


def probability(signs: Mapping[str, float]) -> float:
    """That what was found holds an answer, from 0 to 1, where as many questions have one as have none."""
    return 1 / (1 + math.exp(-BIAS - sum(WEIGHTS[name] * value for name, value in signs.items())))


def refusal(hits: Sequence[Hit]) -> str:
    """What to say instead of an answer: what came nearest, and what may help."""
    if not hits:
        return "I found nothing about this in the documents. Try other words, or ingest a document that covers it."
    nearest = hits[0]
    where = f"“{nearest.title}”" + (f" ({nearest.heading})" if nearest.heading else "")
    return (
        f"The documents do not seem to hold an answer to this. What came nearest is {where}. "
        "Try other words, or ingest a document that covers it."
    )
