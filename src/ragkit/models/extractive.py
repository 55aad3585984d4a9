"""Answers without a language model: the sentences of the sources that answer best, each with its marker.

It assumes that the sources hold an answer; whether they do was decided before (`ragkit.answer.abstain`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

from ragkit.demands import is_german
from ragkit.lexical import denies, numbers, terms
from ragkit.protocols import ChatDelta, ChatRequest, Disagreement
from ragkit.reader import Reader
from ragkit.statements import Statement, ranked
from ragkit.text import sentences, words
from ragkit.threads import Threads
from ragkit.types import Usage

__all__ = ["ExtractiveChat", "chosen"]

MAX_SENTENCES = 3
MAX_CHARS = 480
"""A longer sentence is shown shortened; its citation quotes it whole."""
KEEP = 0.01
"""A further statement is added when it is the answer with this probability at least. On SQuAD 2.0 this makes 2.2 of
them, and loses an answer in 500 that a third one would have held."""
SAME = 0.7
"""Two sentences that share this much of their words say the same."""

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


class ExtractiveChat:
    """A ChatModel that quotes."""

    NAME = "extractive"

    def __init__(self, reader: Reader, *, threads: Threads | None = None) -> None:
        self._reader = reader
        self._threads = threads or Threads(1)

    @property
    def name(self) -> str:
        return self.NAME

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """One to three sentences with their markers, piece by piece."""
        answer = await self._threads.run(self._choose, request)
        if request.disagreement is not None:
            yield ChatDelta(text=_disagree(request, request.disagreement))
        for number, statement in enumerate(answer):
            # A paragraph each: a row or a record has no full stop to end it.
            lead = "\n\n" if number or request.disagreement else ""
            said = _shortened(statement.said)
            for start, end in sentences(said):
                for word in re.findall(r"\s*\S+", lead + said[start:end]):
                    yield ChatDelta(text=word)
                yield ChatDelta(text=f" [{statement.marker}]")
                lead = " "
        if not answer:
            yield ChatDelta(text="NO_ANSWER")
        yield ChatDelta(usage=Usage())

    def _choose(self, request: ChatRequest) -> list[Statement]:
        found = ranked(self._reader.read(request.question, request.sources))
        best, apart = chosen(found, request.question), request.disagreement
        if apart is None:
            return best
        sides = [one for one in (_at(found, *apart.first), _at(found, *apart.second)) if one is not None]
        more = (one for one in best if all(_alike(one.said, side.said) < SAME for side in sides))
        return [*sides, *more][:MAX_SENTENCES]


def chosen(found: Sequence[Statement], question: str) -> list[Statement]:
    """The best ones that do not repeat each other; of two editions of the same statement, the newer one first."""
    kept: list[Statement] = []
    for statement in found:
        if len(kept) == MAX_SENTENCES or (kept and statement.probability < KEEP):
            break
        alike = [other for other in kept if _alike(statement.said, other.said) >= SAME]
        if not alike:
            kept.append(statement)
        elif alike[0].marker == statement.marker and alike[0].said in statement.said:
            kept[kept.index(alike[0])] = statement  # the same, and what follows it
        elif all(_other_edition(statement, other) for other in alike):
            newer = statement.edition > alike[0].edition and not _YEAR.search(question)
            kept.insert(kept.index(alike[0]) if newer else len(kept), statement)
    return kept


def _at(found: Sequence[Statement], marker: int, start: int) -> Statement | None:
    """The statement of a source that this place of its text stands in."""
    before = (one for one in found if one.marker == marker and one.line.unit.start <= start)
    return max(before, key=lambda one: one.line.unit.start, default=None)


def _disagree(request: ChatRequest, found: Disagreement) -> str:
    first, second = (request.sources[side[0] - 1].title for side in (found.first, found.second))
    german = is_german(request.question)
    disagree = "Die Quellen widersprechen sich" if german else "The sources disagree"
    if not found.dated:
        return f"{disagree}."
    if first == second:
        return f"{disagree}; {'die neuere steht zuerst' if german else 'the newer one comes first'}."
    if german:
        return f"{disagree}: „{first}“ ist neuer als „{second}“ und steht zuerst."
    return f"{disagree}: “{first}” is newer than “{second}”, and comes first."


def _other_edition(a: Statement, b: Statement) -> bool:
    """Whether two like sentences of two passages differ in their numbers, or in what they deny."""
    return a.marker != b.marker and (numbers(a.said) != numbers(b.said) or _denials(a.said) != _denials(b.said))


def _denials(said: str) -> int:
    return sum(map(denies, words(said)))


def _alike(a: str, b: str) -> float:
    ours, theirs = set(terms(a)), set(terms(b))
    return len(ours & theirs) / (min(len(ours), len(theirs)) or 1)


def _shortened(said: str) -> str:
    if len(said) <= MAX_CHARS:
        return said
    return said[:MAX_CHARS].rsplit(" ", 1)[0] + " …"
