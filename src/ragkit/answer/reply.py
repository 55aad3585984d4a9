"""Reads a model's reply as it is written: whether it declines, what it shows, which sentences it closes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass

from ragkit.answer.markers import MarkedText, Sentence
from ragkit.protocols import ChatDelta
from ragkit.types import Usage

__all__ = ["NO_ANSWER", "Part", "declines", "read"]

NO_ANSWER = "NO_ANSWER"
"""What the prompt asks a model to reply when the sources do not hold the answer."""

TIMES = 3
"""A sentence that is said so often"""
SHORTEST_REPEATED = 20
"""and has so many characters at least is a loop."""
TAIL, LOOK_EVERY = 700, 200
"""Characters in which repeated words are looked for, and how often."""

_AGAIN = re.compile(r"(.{2,60}?)\1{9,}\Z", re.DOTALL)
_SOURCES = r"\b(?:Quellen?|Dokumente?n?|Informationen|Auszüge\w?)\b"
_NOT = r"\b(?:nicht|nichts|keine?\w{0,2})\b"
_DECLINES = re.compile(
    r"(?:sources?|documents?|context|passages?|information)\b.{0,30}\b(?:do(?:es)? not|don't|doesn't|did not)\b.{0,20}"
    r"\b(?:contain|mention|provide|hold|include|say|specify|answer)"
    r"|\bI (?:do not|don't|cannot|can't|could not|couldn't|am unable to|'m unable to)\b.{0,20}"
    r"\b(?:know|find|answer|provide|determine)"
    rf"|{_SOURCES}.{{0,30}}\b(?:enthalten|nennen|erwähnen|sagen|geben|beantworten|liefern)\b.{{0,30}}{_NOT}"
    rf"|{_SOURCES}.{{0,30}}{_NOT}.{{0,30}}\b(?:enthalten|erwähnt|genannt|entnehmen|finden|beantworten|angegeben)\b"
    rf"|\bich (?:kann|konnte|weiß|finde)\b.{{0,40}}{_NOT}",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A step of the reply: text to show, sentences that closed with it, and at the end the usage."""

    text: str = ""
    closed: tuple[Sentence, ...] = ()
    usage: Usage | None = None
    declined: bool = False
    """The model replied `NO_ANSWER`; nothing of it is shown."""
    looped: bool = False
    """It said the same again and again, and was ended."""


async def read(deltas: AsyncIterator[ChatDelta], *, sources: int) -> AsyncGenerator[Part]:
    """Turn deltas into parts; nothing is shown while the reply may still turn out to be `NO_ANSWER`.

    A model that has begun to repeat itself is not read any further.
    """
    marked, loop = MarkedText(sources), _Loop()
    head, usage, so_far = "", None, None
    async for delta in deltas:
        usage, so_far = delta.usage or usage, delta.so_far or so_far
        head += delta.text
        if marked.text or not _may_decline(head):
            shown, head = marked.feed(head), ""
            if shown:
                closed = tuple(marked.closed())
                yield Part(text=shown, closed=closed)
                if loop.begun(marked.text, closed):
                    usage = usage or (so_far() if so_far else None)  # a provider tells it last
                    break
    if _begun(head).startswith(NO_ANSWER):
        yield Part(usage=usage, declined=True)
        return
    shown = marked.feed(head) + marked.finish()
    yield Part(text=shown, closed=tuple(marked.closed(final=True)), usage=usage, looped=loop.found)


class _Loop:
    """Notices that a reply repeats itself: a sentence for the third time, or a few words ten times in a row."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()
        self._looked_at = 0
        self.found = False

    def begun(self, text: str, closed: Sequence[Sentence]) -> bool:
        long = [one.text for one in closed if len(one.text) >= SHORTEST_REPEATED]
        self._times.update(long)
        self.found = any(self._times[said] >= TIMES for said in long)
        if not self.found and len(text) - self._looked_at >= LOOK_EVERY:
            self._looked_at = len(text)
            again = _AGAIN.search(text[-TAIL:])
            self.found = again is not None and any(map(str.isalpha, again[1]))
        return self.found


def declines(text: str) -> bool:
    """Whether an answer without citations says that it found nothing, in its own words."""
    return bool(_DECLINES.search(text))


def _may_decline(head: str) -> bool:
    begun = _begun(head)
    return begun.startswith(NO_ANSWER) or NO_ANSWER.startswith(begun)


def _begun(head: str) -> str:
    return head.strip().lstrip("`*\"'")
