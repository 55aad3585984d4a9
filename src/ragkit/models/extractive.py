"""Answers without a language model: the sentences of the sources that answer best, each with its marker.

It assumes that the sources hold an answer; whether they do was decided before (`ragkit.answer.abstain`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import anyio.to_thread

from ragkit.lexical import numbers, overlap, terms, weights
from ragkit.passages import Unit, units
from ragkit.protocols import ChatDelta, ChatRequest, Embedder
from ragkit.types import Hit, Usage

__all__ = ["ExtractiveChat"]

MAX_SENTENCES = 3
MAX_HITS = 6
MAX_CANDIDATES = 60
"""Sentences that are embedded for one question: about 100 ms on two cores."""
MAX_CHARS = 480
"""A longer sentence is shown shortened; its citation quotes it whole."""

# Chosen on SQuAD 2.0 (does the first sentence hold the answer?), where the result is flat around them.
NEARBY = 0.35
"""What a question word counts that stands in the neighbouring sentences only."""
ABOVE = 0.7
"""What it counts in the title, the headings or the header row only."""
COVERAGE, SIMILARITY, RANK, TYPE = 0.55, 0.45, 0.10, 0.10
KEEP = 0.85
"""A further sentence is added when it scores at least this share of the best one."""
SAME = 0.7
"""Two sentences that share this much of their words say the same."""

_WHO = re.compile(r"\b(who|whom|whose|wer|wem|wen)\b", re.IGNORECASE)
_QUANTITY = re.compile(
    r"\b(when|how (?:many|much|long|often|old|far|high|large|big|soon|late)|what (?:time|year|date|percentage|price)|"
    r"wann|wie (?:viele?|lange|oft|hoch|teuer))\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[\w,;] )(?:[A-ZÄÖÜ]\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    marker: int
    said: str
    coverage: float
    prior: float
    score: float = 0.0


class ExtractiveChat:
    """A ChatModel that quotes."""

    NAME = "extractive"

    def __init__(self, embedder: Embedder, *, limiter: anyio.CapacityLimiter | None = None) -> None:
        self._embedder = embedder
        self._limiter = limiter

    @property
    def name(self) -> str:
        return self.NAME

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """One to three sentences with their markers, piece by piece."""
        chosen = await anyio.to_thread.run_sync(self._choose, request.question, request.sources, limiter=self._limiter)
        for number, candidate in enumerate(chosen):
            lead = " " if number else ""
            for word in re.findall(r"\s*\S+", lead + _shortened(candidate.said)):
                yield ChatDelta(text=word)
            yield ChatDelta(text=f" [{candidate.marker}]")
        if not chosen:
            yield ChatDelta(text="NO_ANSWER")
        yield ChatDelta(usage=Usage())

    def _choose(self, question: str, sources: Sequence[Hit]) -> list[_Candidate]:
        candidates = _candidates(question, sources)
        if not candidates:
            return []
        similar = self._embedder.embed_documents([c.said for c in candidates]) @ self._embedder.embed_query(question)
        scored = [
            replace(c, score=COVERAGE * c.coverage + SIMILARITY * float(cosine) + c.prior)
            for c, cosine in zip(candidates, similar, strict=True)
        ]
        return _distinct(sorted(scored, key=lambda c: -c.score))


def _candidates(question: str, sources: Sequence[Hit]) -> list[_Candidate]:
    """The sentences that can be said, most promising first by words alone, at most `MAX_CANDIDATES`."""
    wanted = weights(question)
    found: list[_Candidate] = []
    for marker, hit in enumerate(sources[:MAX_HITS], start=1):
        above = set(terms(f"{hit.title} {hit.heading}"))
        all_units = units(hit.text)
        held = [set(terms(unit.said)) for unit in all_units]
        for index, unit in enumerate(all_units):
            near = set().union(*held[max(0, index - 1) : index + 2])
            found.append(
                _Candidate(
                    marker=marker,
                    said=unit.said,
                    coverage=_coverage(wanted, held[index], above | set(terms(unit.lead)), near),
                    prior=RANK / marker + TYPE * _fits(question, unit),
                )
            )
    found.sort(key=lambda c: -(COVERAGE * c.coverage + c.prior))
    return found[:MAX_CANDIDATES]


def _coverage(wanted: dict[str, float], held: set[str], above: set[str], near: set[str]) -> float:
    return overlap(wanted, held) + sum(
        share * overlap(wanted, extra)
        for share, extra in ((ABOVE, above - held), (NEARBY, near - held - above))
        if wanted
    )


def _fits(question: str, unit: Unit) -> bool:
    """Whether the sentence has the kind of thing that is asked for: a number or date, a name."""
    if _QUANTITY.search(question):
        return bool(numbers(unit.said) - numbers(question))
    if _WHO.search(question):
        return bool(_NAME.search(unit.said))
    return False


def _distinct(ranked: Sequence[_Candidate]) -> list[_Candidate]:
    chosen: list[_Candidate] = []
    for candidate in ranked:
        if len(chosen) == MAX_SENTENCES or candidate.score < KEEP * ranked[0].score:
            break
        words = set(terms(candidate.said))
        if all(_alike(words, set(terms(other.said))) < SAME for other in chosen):
            chosen.append(candidate)
    return chosen


def _alike(a: set[str], b: set[str]) -> float:
    return len(a & b) / (min(len(a), len(b)) or 1)


def _shortened(said: str) -> str:
    if len(said) <= MAX_CHARS:
        return said
    return said[:MAX_CHARS].rsplit(" ", 1)[0] + " …"
