"""Packs what was found into the token budget, numbered, as the model will see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape

from ragkit.lexical import numbers, terms
from ragkit.text import sentences
from ragkit.types import Hit

__all__ = ["pack", "written"]

_FENCE = re.compile(r"<(?=\s*/?\s*source\b)", re.IGNORECASE)
# Tag characters and overrides of the writing direction: a reader does not see them, a model does.
_UNSEEN = re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069]")
SAME = 0.9
"""Passages that share this much of their words, and all of their numbers, are the same passage."""


def pack(hits: Sequence[Hit], *, budget: int, count: Callable[[str], int]) -> tuple[Hit, ...]:
    """The sources to show, best first: without repetitions, the last one cut at the end of a sentence where it must be.

    Args:
        hits: What was found, best first.
        budget: Tokens for all sources together, as they are written.
        count: Counts tokens as the model does.
    """
    packed: list[Hit] = []
    seen: list[tuple[set[str], set[str]]] = []
    left = budget
    for hit in hits:
        looks = (set(terms(hit.text)), numbers(hit.text))
        if any(_same(looks, other) for other in seen):
            continue
        fitting = _cut(hit, len(packed) + 1, left, count)
        if fitting is None:
            break
        packed.append(fitting)
        seen.append(looks)
        left -= count(_source(len(packed), fitting))
        if fitting.end < hit.end:
            break
    return tuple(packed)


def written(sources: Sequence[Hit]) -> str:
    """The numbered sources. Their text is fenced, and cannot close its fence by itself."""
    return "\n\n".join(_source(number, hit) for number, hit in enumerate(sources, start=1))


def _source(number: int, hit: Hit) -> str:
    about = {"title": hit.title, "section": hit.heading, "page": str(hit.page or "")}
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in about.items() if value)
    text = _FENCE.sub("<\u200b", _UNSEEN.sub("", hit.text))
    return f'<source number="{number}"{attributes}>\n{text}\n</source>'


def _cut(hit: Hit, number: int, left: int, count: Callable[[str], int]) -> Hit | None:
    """The hit, or as many of its first sentences as fit; none when not even one does, unless it is the first source."""
    if count(_source(number, hit)) <= left:
        return hit
    ends = [end for _, end in sentences(hit.text)]
    for end in reversed(ends):
        shorter = replace(hit, end=hit.start + end, text=hit.text[:end])
        if count(_source(number, shorter)) <= left:
            return shorter
    if number == 1 and ends:
        return replace(hit, end=hit.start + ends[0], text=hit.text[: ends[0]])
    return None


def _same(a: tuple[set[str], set[str]], b: tuple[set[str], set[str]]) -> bool:
    return a[1] == b[1] and len(a[0] & b[0]) >= SAME * max(len(a[0] | b[0]), 1)
