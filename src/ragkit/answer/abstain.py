"""Decides, before anything is written, whether what was found can answer the question.

Four signals. Relevance to the question refuses what the documents do not speak of at all. The other three refuse what
lies near, but fails a demand of the question: a name, a period or a kind of value that what was found does not have.

On the golden questions it refuses 6 of 7 that are off the subject, 9 of 19 that only look answerable, and 3 of 76
that are answerable; on SQuAD 2.0, 2 % of the answerable questions. To find more of those that only look answerable
takes a model that reads: words and vectors do not tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ragkit.demands import identifiers, kind_of, periods
from ragkit.lexical import overlap, terms, weights
from ragkit.passages import clipped, units
from ragkit.protocols import Embedder
from ragkit.text import words
from ragkit.types import Hit, Reason

__all__ = ["Judge", "refusal"]

RELEVANCE = 0.5
"""Least relevance, on a scale where an unrelated sentence has 0 and one that answers plainly has 1.

The largest round value at which no more than 1 in 20 answerable golden questions is refused.
"""
PASSAGES = 6
"""So many passages are compared with the question as a whole,"""
SENTENCES = 24
"""and so many of their sentences, those that share most words with it."""
SHARED_WORDS = 0.1
"""What sharing all of the question's words adds to the relevance."""
NEAREST = 2
"""The period and the kind of value that are asked for must be in one of so many passages."""

# They fix the scale for any embedder: what its cosine is for a question with its answer, and with another's answer.
_ANCHORS = (
    ("How long is the warranty of the pump?", "The pump comes with a warranty of two years."),
    ("Who approves travel expenses?", "Travel expenses are approved by the head of the department."),
    ("When does the library close on Saturdays?", "On Saturdays the library is open until four in the afternoon."),
    ("How do I get a new password?", "Ask the help desk for a new password, or set one on the sign-in page."),
)


class Judge:
    """Judges whether passages can answer a question.

    Args:
        embedder: Compares question and passages; its scale is measured once, at the first question.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def reason_to_abstain(self, question: str, hits: Sequence[Hit]) -> Reason | None:
        """Why not to answer from these passages; none when it can be tried."""
        if not hits:
            return "no_evidence"
        if _lacks_name(question, hits) or _lacks_period(question, hits) or _lacks_kind(question, hits):
            return "no_evidence"
        return None if self.relevance(question, hits) >= RELEVANCE else "off_topic"

    def relevance(self, question: str, hits: Sequence[Hit]) -> float:
        """How near the nearest passage and the nearest sentence are, on the scale of `RELEVANCE`."""
        unrelated, answering = self._scale
        passages = [hit.text for hit in hits[:PASSAGES]]
        texts = [clipped(text, self._embedder) for text in passages + _sentences(question, hits[:PASSAGES])]
        cosines = self._embedder.embed_documents(texts) @ self._embedder.embed_query(clipped(question, self._embedder))
        nearest = (float(cosines[: len(passages)].max()) + float(cosines.max())) / 2
        wanted = weights(question)
        covered = max(overlap(wanted, set(terms(_whole(hit)))) for hit in hits[:PASSAGES])
        return (nearest - unrelated) / max(answering - unrelated, 1e-6) + SHARED_WORDS * covered

    @cached_property
    def _scale(self) -> tuple[float, float]:
        answers = self._embedder.embed_documents([answer for _, answer in _ANCHORS])
        rows = [answers @ self._embedder.embed_query(question) for question, _ in _ANCHORS]
        same = [float(row[number]) for number, row in enumerate(rows)]
        others = [float(value) for number, row in enumerate(rows) for other, value in enumerate(row) if other != number]
        return sum(others) / len(others), sum(same) / len(same)


def _sentences(question: str, hits: Sequence[Hit]) -> list[str]:
    """Those that share most with the question, each below its heading."""
    wanted = weights(question)
    found = []
    for hit in hits:
        topic = hit.heading.rsplit(" > ", 1)[-1] or hit.title
        for unit in units(hit.text):
            said = f"{unit.heading or topic}: {unit.said}"
            found.append((overlap(wanted, set(terms(said))), said))
    found.sort(key=lambda pair: -pair[0])
    return [said for _, said in found[:SENTENCES]]


def _whole(hit: Hit) -> str:
    return f"{hit.title}\n{hit.heading}\n{hit.text}"


def _lacks_name(question: str, hits: Sequence[Hit]) -> bool:
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
    about = [hit for hit in hits if named <= set(words(_whole(hit)))] if named else hits[:NEAREST]
    return not any(kind.is_in(hit.text) for hit in about)


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
