"""Answers without a language model: the sentences of the sources that answer best, each with its marker.

It assumes that the sources hold an answer; whether they do was decided before (`ragkit.answer.abstain`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio.to_thread

from ragkit.demands import Kind, kind_of
from ragkit.lexical import numbers, overlap, terms, weights
from ragkit.passages import Unit, clipped, units
from ragkit.protocols import ChatDelta, ChatRequest, Embedder
from ragkit.text import sentences
from ragkit.types import Hit, Usage

__all__ = ["ExtractiveChat"]

MAX_SENTENCES = 3
MAX_HITS = 8
MAX_CANDIDATES = 24
"""Sentences that are embedded for one question, about 50 ms on two cores; more of them change no answer."""
MAX_CHARS = 480
"""A longer sentence is shown shortened; its citation quotes it whole."""

# Chosen on SQuAD 2.0, where the result is flat around them: of 300 questions over 782 paragraphs, the first statement
# holds the answer of 81 %, one of the statements that of 90 %, with 2.4 statements an answer.
NEARBY = 0.5
"""What a question word counts that stands in the neighbouring sentences only."""
ABOVE = 0.7
"""What it counts in the title, the headings or the header row only."""
LABEL = 0.15
"""What a line without a sentence loses."""
LENT = 0.1
"""A heading that holds this share of the question is said before the sentence."""
COVERAGE, SIMILARITY, RANK, TYPE = 0.55, 0.60, 0.10, 0.10
KEEP = 0.7
"""A further sentence is added when it scores at least this share of the best one."""
SAME = 0.7
"""Two sentences that share this much of their words say the same."""

_WHO = re.compile(r"\b(?:who|whom|whose|wer|wem|wen)\b", re.IGNORECASE)
_SECTION_NUMBER = re.compile(r"^(?:\d+\.)+\d*\s+")
_POINTS_BACK = re.compile(
    r"(?:it|its|they|their|this|these|that|those|he|she|his|her|es|er|sie|dies\w*)\b(?!\s+(?:is|are) (?:why|how))",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_NAME = re.compile(r"(?<=[\w,;] )(?:[A-ZÄÖÜ]\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    text: str
    wanted: Mapping[str, float]
    kind: Kind | None

    @classmethod
    def read(cls, text: str) -> _Question:
        return cls(text=text, wanted=weights(text), kind=kind_of(text))

    def fits(self, said: str) -> bool:
        """Whether it has the kind of thing that is asked for: a number, a date, a name."""
        if self.kind is not None:
            is_new = bool(numbers(said) - numbers(self.text)) or self.kind.name == "colour"
            return is_new and self.kind.is_in(said)
        return bool(_WHO.search(self.text) and _NAME.search(said))


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
            # A paragraph each: a row or a record has no full stop to end it.
            lead = "\n\n" if number else ""
            said = _shortened(candidate.said)
            for start, end in sentences(said):
                for word in re.findall(r"\s*\S+", lead + said[start:end]):
                    yield ChatDelta(text=word)
                yield ChatDelta(text=f" [{candidate.marker}]")
                lead = " "
        if not chosen:
            yield ChatDelta(text="NO_ANSWER")
        yield ChatDelta(usage=Usage())

    def _choose(self, question: str, sources: Sequence[Hit]) -> list[_Candidate]:
        candidates = _candidates(_Question.read(question), sources)
        if not candidates:
            return []
        inputs = [clipped(_in_context(c), self._embedder) for c in candidates]
        similar = self._embedder.embed_documents(inputs) @ self._embedder.embed_query(clipped(question, self._embedder))
        scored = [
            replace(c, score=COVERAGE * c.coverage + SIMILARITY * float(cosine) + c.prior)
            for c, cosine in zip(candidates, similar, strict=True)
        ]
        return _distinct(sorted(scored, key=lambda c: -c.score), question)


def _candidates(question: _Question, sources: Sequence[Hit]) -> list[_Candidate]:
    """What can be said, most promising first by words alone, at most `MAX_CANDIDATES`."""
    found = [
        candidate
        for marker, hit in enumerate(sources[:MAX_HITS], start=1)
        for candidate in _candidates_of(hit, marker, question)
    ]
    found.sort(key=lambda c: -(COVERAGE * c.coverage + c.prior))
    return found[:MAX_CANDIDATES]


def _candidates_of(hit: Hit, marker: int, question: _Question) -> Iterator[_Candidate]:
    wanted = question.wanted
    above = set(terms(f"{hit.title} {hit.heading}"))
    edition = max(_YEAR.findall(hit.title), default="")
    quotable = units(hit.text)
    for index, unit in enumerate(quotable):
        if unit.kind == "heading":
            continue
        said = _with_antecedent(quotable[:index], unit)
        held = set(terms(said))
        near = set(terms(" ".join(other.said for other in quotable[max(0, index - 1) : index + 2])))
        topic = _SECTION_NUMBER.sub("", unit.heading or hit.heading.rsplit(" > ", 1)[-1]).rstrip(".:") or hit.title
        lent = overlap(wanted, set(terms(topic)) - held) if wanted and topic != hit.title else 0.0
        yield _Candidate(
            marker=marker,
            said=f"{topic}: {said}" if lent >= LENT else said,
            topic=topic,
            edition=edition,
            coverage=_coverage(wanted, held, above | set(terms(f"{unit.heading} {unit.lead}")), near),
            prior=RANK / marker + TYPE * question.fits(said) - LABEL * (unit.kind == "label"),
        )


def _with_antecedent(before: Sequence[Unit], unit: Unit) -> str:
    """A sentence that begins with a pronoun is said after the one that it points at."""
    points_back = _POINTS_BACK.match(unit.said) and before and before[-1].kind == unit.kind == "prose"
    return f"{before[-1].said} {unit.said}" if points_back else unit.said


def _coverage(wanted: Mapping[str, float], held: set[str], above: set[str], near: set[str]) -> float:
    return overlap(wanted, held) + sum(
        share * overlap(wanted, extra)
        for share, extra in ((ABOVE, above - held), (NEARBY, near - held - above))
        if wanted
    )


def _distinct(ranked: Sequence[_Candidate], question: str) -> list[_Candidate]:
    """The best ones that do not repeat each other; of two editions of the same statement, the newer one first."""
    chosen: list[_Candidate] = []
    for candidate in ranked:
        if len(chosen) == MAX_SENTENCES or candidate.score < KEEP * ranked[0].score:
            break
        alike = [other for other in chosen if _alike(candidate.said, other.said) >= SAME]
        if not alike:
            chosen.append(candidate)
        elif all(_other_edition(candidate, other) for other in alike):
            newer = candidate.edition > alike[0].edition and not _YEAR.search(question)
            chosen.insert(chosen.index(alike[0]) if newer else len(chosen), candidate)
    return chosen


def _other_edition(a: _Candidate, b: _Candidate) -> bool:
    """Whether two like sentences of two passages differ in their numbers."""
    return a.marker != b.marker and numbers(a.said) != numbers(b.said)


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
