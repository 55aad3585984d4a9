"""Packs what was found into the token budget, numbered, as the model will see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape

from ragkit.answer.mismatches import Text
from ragkit.demands import identifiers, names
from ragkit.lexical import terms
from ragkit.text import sentences
from ragkit.types import Hit

__all__ = ["pack", "written", "written_source"]

_FENCE = re.compile(r"<(?=\s*/?\s*source\b)", re.IGNORECASE)
# Tag characters and overrides of the writing direction: a reader does not see them, a model does.
_UNSEEN = re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069]")
SAME = 0.9
"""Passages of one document that share this much of their words, and all that tells them apart, are the same passage."""


def pack(hits: Sequence[Hit], *, budget: int, count: Callable[[str], int]) -> tuple[Hit, ...]:
    """The sources to show, best first: without repetitions, the last one cut at the end of a sentence where it must be.

    Args:
        hits: What was found, best first.
        budget: Tokens for all sources together, as they are written.
        count: Counts tokens as the model does.
    """
    packed: list[Hit] = []
    seen: list[_Looks] = []
    left = budget
    for hit in hits:
        looks = _Looks.of(hit)
        if any(looks.repeats(other) for other in seen):
            continue
        fitting = _cut(hit, len(packed) + 1, left, count)
        if fitting is None:
            break
        packed.append(fitting)
        seen.append(looks)
        left -= count(written_source(len(packed), fitting))
        if fitting.end < hit.end:
            break
    return tuple(packed)


def written(sources: Sequence[Hit]) -> str:
    """The numbered sources. Their text is fenced, and cannot close its fence by itself."""
    return "\n\n".join(written_source(number, hit) for number, hit in enumerate(sources, start=1))


def written_source(number: int, hit: Hit) -> str:
    """One of them."""
    about = {"title": _in_line(hit.title), "section": _in_line(hit.heading), "page": str(hit.page or "")}
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in about.items() if value)
    text = _FENCE.sub("<\u200b", _UNSEEN.sub("", hit.text))
    return f'<source number="{number}"{attributes}>\n{text}\n</source>'


def _in_line(value: str) -> str:
    return " ".join(_UNSEEN.sub("", value).split())


def _cut(hit: Hit, number: int, left: int, count: Callable[[str], int]) -> Hit | None:
    """The hit, or as many of its first sentences as fit; none when not even one does, unless it is the first source."""
    if count(written_source(number, hit)) <= left:
        return hit
    ends = [end for _, end in sentences(hit.text)]
    for end in reversed(ends):
        shorter = replace(hit, end=hit.start + end, text=hit.text[:end])
        if count(written_source(number, shorter)) <= left:
            return shorter
    if number == 1 and ends:
        return replace(hit, end=hit.start + ends[0], text=hit.text[: ends[0]])
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looks:
    """What tells whether a passage says what another one has said."""

    document_id: str
    words: Sequence[str]
    terms: frozenset[str]
    telling: tuple[int, frozenset[str], frozenset[str]]
    """Its denials, its numbers and its names: one of these more, and it says something else."""

    @classmethod
    def of(cls, hit: Hit) -> _Looks:
        text = Text(hit.text)
        named = frozenset(names(hit.text)) | identifiers(hit.text)
        return cls(
            document_id=hit.document_id,
            words=text.words,
            terms=frozenset(terms(hit.text)),
            telling=(text.denials, text.numbers, named),
        )

    def repeats(self, other: _Looks) -> bool:
        if self.words == other.words:
            return True
        if self.document_id != other.document_id or self.telling != other.telling:
            return False
        return len(self.terms & other.terms) >= SAME * max(len(self.terms | other.terms), 1)
