"""Makes sources of the passages that were found: a passage grows to its section, and neighbours become one source.

What is found first is packed first. What is left of the budget then lets each passage grow by its neighbours under the
same headings, the nearest ones first. Neighbours that meet are one source, at the place of its best passage, so that a
model reads a section as it stands, instead of in pieces and out of order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count as numbers_from
from itertools import groupby

from ragkit.answer.context import pack, written_source
from ragkit.answer.instructions import as_evidence
from ragkit.protocols import Disagreement
from ragkit.types import Chunk, Hit, Section

__all__ = ["Source", "assembled", "passages_of", "shown", "within"]

GROWTH = 0.25
"""With more, more of the excerpts are shown where one document answers (`benchmarks/sources.py`), and fewer passages,
which a question over several documents needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a model sees under one number."""

    hit: Hit
    """Its best passage, from the beginning of the first to the end of the last of all its passages."""
    passages: tuple[Chunk, ...]
    """Those that it is made of, in the order of the text."""

    def holding(self, at: int) -> Chunk:
        """The passage that a place of the document stands in."""
        return next((one for one in reversed(self.passages) if one.start <= at), self.passages[0])


def assembled(
    hits: Sequence[Hit],
    sections: Mapping[str, Section],
    *,
    budget: int,
    count: Callable[[str], int],
    growth: float = GROWTH,
) -> tuple[Source, ...]:
    """The sources to show, the one with the best passage first.

    Args:
        hits: What was found, best first.
        sections: What each stands in, by chunk id; a passage that has none stays as it is.
        budget: Tokens for all sources together, as they are written.
        count: Counts tokens as the model does.
        growth: The share of the budget that is kept for what stands around the passages.
    """
    packed = pack(hits, budget=budget - int(growth * budget) if sections else budget, count=count)
    left = budget - sum(count(written_source(number, hit)) for number, hit in enumerate(packed, start=1))
    grown = {id(section): _Grown(section) for section in sections.values()}
    alone: list[tuple[int, Source]] = []
    growing: list[tuple[_Grown, int]] = []
    for place, hit in enumerate(packed):
        section = sections.get(hit.chunk_id)
        at = _place(hit, section)
        if section is None or at is None:
            alone.append((place, _alone(hit)))
        else:
            grown[id(section)].show(at, place, hit)
            growing.append((grown[id(section)], at))
    for each, at in _outwards(growing):
        cost = count(each.section.passages[at].text) + 1
        if cost <= left:
            left -= cost
            each.shown.add(at)
    made = [found for each in grown.values() for found in each.sources()]
    covered = {one.chunk_id for _, source in made for one in source.passages}
    made += [(place, source) for place, source in alone if source.hit.chunk_id not in covered]
    return tuple(source for _, source in sorted(made, key=lambda pair: pair[0]))


def passages_of(sources: Sequence[Source], read: Sequence[Hit]) -> list[Hit]:
    """The passages that sources are made of, each once, as their texts are read."""
    found: dict[tuple[str, int, int], Hit] = {}
    for source, hit in zip(sources, read, strict=True):
        for one in source.passages:
            start, end = max(one.start, hit.start), min(one.end, hit.start + len(hit.text))
            text = hit.text[start - hit.start : end - hit.start]
            found[hit.document_id, start, end] = replace(
                hit, chunk_id=one.chunk_id, page=one.page, heading=one.heading, start=start, end=end, text=text
            )
    return list(as_evidence(list(found.values())))


def shown(hits: Sequence[Hit], sources: Sequence[Source]) -> list[Hit]:
    """Those of the hits that stand in a source."""
    return [hit for hit in hits if _place_in(sources, hit, 0)]


def within(found: Disagreement, hits: Sequence[Hit], sources: Sequence[Source]) -> Disagreement | None:
    """A disagreement of hits as one of their sources; none where a side is not shown, or both are one source."""
    first, second = (_place_in(sources, hits[number - 1], start) for number, start in (found.first, found.second))
    if first is None or second is None or first[0] == second[0]:
        return None
    return replace(found, first=first, second=second)


def _place_in(sources: Sequence[Source], hit: Hit, start: int) -> tuple[int, int] | None:
    for number, source in enumerate(sources, start=1):
        at = hit.start + start - source.hit.start
        if source.hit.document_id == hit.document_id and 0 <= at < len(source.hit.text):
            return number, at
    return None


class _Grown:
    """A section, and which of its passages are shown."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self.shown: set[int] = set()
        self._found: dict[int, tuple[int, Hit]] = {}

    def show(self, at: int, place: int, hit: Hit) -> None:
        self.shown.add(at)
        self._found[at] = (place, hit)

    def sources(self) -> Iterator[tuple[int, Source]]:
        """One for each run of neighbours, with the place of its best passage among all that were packed."""
        numbering = numbers_from()
        for _, run in groupby(sorted(self.shown), key=lambda at: at - next(numbering)):
            own = list(run)
            place, best = min(self._found[at] for at in own if at in self._found)
            passages = self.section.passages[own[0] : own[-1] + 1]
            start, end = passages[0].start, max(one.end for one in passages)
            text = self.section.text[start - self.section.start : end - self.section.start]
            whole = replace(best, start=start, end=end, text=text, page=passages[0].page)
            yield place, Source(hit=whole, passages=passages)


def _outwards(growing: Sequence[tuple[_Grown, int]]) -> Iterator[tuple[_Grown, int]]:
    """The neighbours of what is shown and not shown themselves, the nearest first; those of the best passage lead."""
    farthest = max((len(each.section.passages) for each, _ in growing), default=0)
    for distance in range(1, farthest):
        for each, at in growing:
            for step in (1, -1):
                next_to, before = at + step * distance, at + step * (distance - 1)
                inside = 0 <= next_to < len(each.section.passages)
                if inside and before in each.shown and next_to not in each.shown:
                    yield each, next_to


def _place(hit: Hit, section: Section | None) -> int | None:
    """Which of a section's passages a hit is; none where it was cut, or the text is not what it was."""
    if section is None:
        return None
    begins = hit.start - section.start
    if section.text[begins : begins + len(hit.text)] != hit.text:
        return None
    spans = [(one.chunk_id, one.end) for one in section.passages]
    return spans.index((hit.chunk_id, hit.end)) if (hit.chunk_id, hit.end) in spans else None


def _alone(hit: Hit) -> Source:
    passage = Chunk(
        chunk_id=hit.chunk_id, start=hit.start, end=hit.end, page=hit.page, heading=hit.heading, text=hit.text
    )
    return Source(hit=hit, passages=(passage,))
