"""Answers without a language model: the sentences of the sources that answer best, each with its marker.

It assumes that the sources hold an answer; whether they do was decided before (`ragkit.answer.abstain`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio.to_thread

from ragkit.demands import kind_of
from ragkit.lexical import numbers, overlap, terms, weights
from ragkit.passages import Unit, clipped, units
from ragkit.protocols import ChatDelta, ChatRequest, Embedder
from ragkit.types import Hit, Usage

__all__ = ["ExtractiveChat"]

MAX_SENTENCES = 3
MAX_HITS = 8
MAX_CANDIDATES = 60
"""Sentences that are embedded for one question: about 100 ms on two cores."""
MAX_CHARS = 480
"""A longer sentence is shown shortened; its citation quotes it whole."""

# Chosen on SQuAD 2.0 (does the first sentence hold the answer?), where the result is flat around them.
NEARBY = 0.5
"""What a question word counts that stands in the neighbouring sentences only."""
ABOVE = 0.7
"""What it counts in the title, the headings or the header row only."""
LABEL = 0.15
"""What a line without a sentence loses."""
LENT = 0.1
"""A heading that holds this share of the question is said before the sentence."""
COVERAGE, SIMILARITY, RANK, TYPE = 0.55, 0.45, 0.10, 0.10
KEEP = 0.7
"""A further sentence is added when it scores at least this share of the best one."""
SAME = 0.7
"""Two sentences that share this much of their words say the same."""

_WHO = re.compile(r"\b(?:who|whom|whose|wer|wem|wen)\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_NAME = re.compile(r"(?<=[\w,;] )(?:[A-ZÄÖÜ]\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    marker: int
    said: str
    topic: str
    edition: str
    """The newest year in the title of its document."""
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
        inputs = [clipped(_in_context(c), self._embedder) for c in candidates]
        similar = self._embedder.embed_documents(inputs) @ self._embedder.embed_query(clipped(question, self._embedder))
        scored = [
            replace(c, score=COVERAGE * c.coverage + SIMILARITY * float(cosine) + c.prior)
            for c, cosine in zip(candidates, similar, strict=True)
        ]
        return _distinct(sorted(scored, key=lambda c: -c.score), question)


def _candidates(question: str, sources: Sequence[Hit]) -> list[_Candidate]:
    """The sentences that can be said, most promising first by words alone, at most `MAX_CANDIDATES`."""
    wanted = weights(question)
    found = [
        candidate
        for marker, hit in enumerate(sources[:MAX_HITS], start=1)
        for candidate in _candidates_of(hit, marker, question, wanted)
    ]
    found.sort(key=lambda c: -(COVERAGE * c.coverage + c.prior))
    return found[:MAX_CANDIDATES]


def _candidates_of(hit: Hit, marker: int, question: str, wanted: Mapping[str, float]) -> Iterator[_Candidate]:
    above = set(terms(f"{hit.title} {hit.heading}"))
    edition = max(_YEAR.findall(hit.title), default="")
    quotable = units(hit.text)
    held = [set(terms(unit.said)) for unit in quotable]
    for index, unit in enumerate(quotable):
        if unit.kind == "heading":
            continue
        topic = unit.heading or hit.heading.rsplit(" > ", 1)[-1] or hit.title
        near = set().union(*held[max(0, index - 1) : index + 2])
        lent = overlap(wanted, set(terms(topic)) - held[index]) if wanted and topic != hit.title else 0.0
        yield _Candidate(
            marker=marker,
            said=f"{topic}: {unit.said}" if lent >= LENT else unit.said,
            topic=topic,
            edition=edition,
            coverage=_coverage(wanted, held[index], above | set(terms(f"{unit.heading} {unit.lead}")), near),
            prior=RANK / marker + TYPE * _fits(question, unit) - LABEL * (unit.kind == "label"),
        )


def _coverage(wanted: Mapping[str, float], held: set[str], above: set[str], near: set[str]) -> float:
    return overlap(wanted, held) + sum(
        share * overlap(wanted, extra)
        for share, extra in ((ABOVE, above - held), (NEARBY, near - held - above))
        if wanted
    )


def _fits(question: str, unit: Unit) -> bool:
    """Whether the sentence has the kind of thing that is asked for: a number or date, a name."""
    kind = kind_of(question)
    if kind is not None:
        return kind.is_in(unit.said) and bool(numbers(unit.said) - numbers(question) or kind.name == "colour")
    if _WHO.search(question):
        return bool(_NAME.search(unit.said))
    return False


def _distinct(ranked: Sequence[_Candidate], question: str) -> list[_Candidate]:
    """The best ones that do not repeat each other; of two editions of the same statement, the newer one first."""
    chosen: list[_Candidate] = []
    for candidate in ranked:
        if len(chosen) == MAX_SENTENCES or candidate.score < KEEP * ranked[0].score:
            break
        alike = [other for other in chosen if _alike(candidate.said, other.said) >= SAME]
        if not alike:
            chosen.append(candidate)
        elif all(numbers(candidate.said) != numbers(other.said) for other in alike):
            newer = candidate.edition > alike[0].edition and not _YEAR.search(question)
            chosen.insert(chosen.index(alike[0]) if newer else len(chosen), candidate)
    return chosen


def _alike(a: str, b: str) -> float:
    ours, theirs = set(terms(a)), set(terms(b))
    return len(ours & theirs) / (min(len(ours), len(theirs)) or 1)


def _shortened(said: str) -> str:
    if len(said) <= MAX_CHARS:
        return said
    return said[:MAX_CHARS].rsplit(" ", 1)[0] + " …"


def _in_context(candidate: _Candidate) -> str:
    """Below its heading, as a sentence alone often does not say what it is about."""
    said = candidate.said
    return said if said.startswith(candidate.topic) else f"{candidate.topic}: {said}"
