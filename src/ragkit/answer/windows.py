"""Where in a passage a claim is supported best: a few neighbouring units, by words and by the tokens' nearness."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ragkit.lexical import overlap, terms, weights
from ragkit.reader import MAX_HITS, Reader
from ragkit.reading import Line, Reading, lines
from ragkit.types import Hit

__all__ = ["Claim", "Window", "best_windows", "claim_of", "likeliest", "together"]

LONGEST = 3
"""A quote is at most so many neighbouring sentences."""
LENGTHENING = 0.05
"""What each further sentence must add to be worth quoting, and each further passage to be taken into account."""
ALIKE = 0.9
"""What a word counts at most that is only near another one."""
FLOOR = 0.26
"""So near are words of the same subject, whatever they say."""
LOOKED_AT = 4
"""Passages that a claim without a citation is held against."""
HEADING_ABOVE = 400
"""Characters that a quote may begin earlier, for a heading that tells what its sentence does not."""
REMEMBERED = 256

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence that was written, without its markers."""

    text: str
    wanted: dict[str, float]
    """Its content words with what each tells."""
    tells: Floats
    """The same in order, adding up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What of a passage supports a claim best, quoted as `passage[start:end]`."""

    start: int
    end: int
    said: str
    """As it is read: a row with its header."""
    passage: str
    """All that it was taken from."""
    known: str
    """What stands above it and before it: title, headings, header row, the sentence that a pronoun points at."""
    held: frozenset[str]
    """Its content words."""
    met: Floats
    """How well each of the claim's words is met, 0 to 1,"""
    met_around: Floats
    """and how well in the whole passage."""
    similar: float | None
    """Nearness of the claim as a whole; none without vectors."""


def claim_of(text: str) -> Claim:
    wanted = weights(text)
    tells = np.fromiter(wanted.values(), np.float32, len(wanted))
    return Claim(text=text, wanted=wanted, tells=tells / max(float(tells.sum()), 1e-9))


def best_windows(claim: Claim, hits: Sequence[Hit], reader: Reader | None) -> list[Window]:
    """The best window of each passage.

    Args:
        claim: What must be supported.
        hits: The passages.
        reader: One that reads tokens; without it words alone count.
    """
    if reader is None or not claim.wanted:
        return [_best(claim, hit, _lines(hit.title, hit.heading, hit.text), None, None) for hit in hits]
    found = []
    for first in range(0, len(hits), MAX_HITS):
        reading = reader.read(claim.text, hits[first : first + MAX_HITS])
        for place, (hit, passage) in enumerate(zip(reading.hits, reading.passages, strict=True)):
            found.append(_best(claim, hit, passage.lines, _near(claim, reading, place), reading.lines[place]))
    return found


def likeliest(claim: Claim, hits: Sequence[Hit]) -> list[Hit]:
    """The passages that hold most of the claim's words: what is worth a closer look where nothing was cited."""
    if len(hits) <= LOOKED_AT:
        return list(hits)
    shares = [overlap(claim.wanted, frozenset(terms(f"{hit.title} {hit.heading} {hit.text}"))) for hit in hits]
    return [hits[place] for place in sorted(range(len(hits)), key=lambda place: -shares[place])[:LOOKED_AT]]


def together(claim: Claim, windows: Sequence[Window]) -> list[Window]:
    """Those that support the claim together: the best one, and while one adds enough, that too."""
    if not windows:
        return []
    left = sorted(windows, key=lambda window: -float(claim.tells @ window.met))
    chosen = left[:1]
    met = chosen[0].met
    while len(chosen) < LONGEST and len(chosen) < len(left):
        gains = [float(claim.tells @ np.maximum(met, window.met)) for window in left]
        best = int(np.argmax(gains))
        if gains[best] < float(claim.tells @ met) + LENGTHENING:
            break
        chosen.append(left[best])
        met = np.maximum(met, left[best].met)
    return chosen


@lru_cache(REMEMBERED)
def _lines(title: str, heading: str, text: str) -> tuple[Line, ...]:
    return tuple(lines(title, heading, text))


def _near(claim: Claim, reading: Reading, place: int) -> Floats:
    """Nearness of each of the claim's words to each token of a passage: the mean over the word's own tokens."""
    tokens = reading.tokens[place]
    near = np.zeros((len(claim.wanted), tokens.shape[1]), np.float32)
    rows = {term: word.rows for word in reading.asked.words for term in word.terms}
    for number, term in enumerate(claim.wanted):
        # Vectors hardly tell one number from another.
        own = rows.get(term)
        if own is not None and own.stop > own.start and not any(map(str.isdigit, term)):
            near[number] = tokens[own].mean(axis=0)
    return np.asarray(np.clip((near - FLOOR) / (1 - FLOOR), 0, 1) * ALIKE, np.float32)


def _best(claim: Claim, hit: Hit, said: Sequence[Line], near: Floats | None, similar: Floats | None) -> Window:
    above = f"{hit.title}\n{hit.heading}"
    if not said:
        held = frozenset(terms(hit.text))
        met = np.array([float(term in held) for term in claim.wanted], np.float32)
        return Window(
            start=0, end=len(hit.text), said=hit.text, passage=hit.text,
            known=above, held=held, met=met, met_around=met, similar=None,
        )  # fmt: skip
    met = np.stack([_met(claim, line, near) for line in said])
    runs = list(_runs(said))
    scores = [float(claim.tells @ met[a:b].max(axis=0)) - LENGTHENING * (b - a - 1) for a, b in runs]
    first, stop = runs[int(np.argmax(scores))]
    chosen = said[first:stop]
    start, end = chosen[0].unit.start, chosen[-1].unit.end
    lead = chosen[0].said.removesuffix(chosen[0].unit.said)
    held = frozenset().union(*map(_own, chosen))
    return Window(
        start=_from_heading(claim, hit.text, chosen[0].unit.heading, held=held, start=start),
        end=end,
        said=chosen[0].unit.said if chosen[0].unit.kind == "row" else hit.text[start:end],
        passage=hit.text,
        known=f"{above}\n{chosen[0].unit.heading}\n{chosen[0].unit.lead}\n{lead}",
        held=held,
        met=met[first:stop].max(axis=0),
        met_around=met.max(axis=0),
        similar=_similar(chosen, similar, first),
    )


def _from_heading(claim: Claim, passage: str, heading: str, *, held: frozenset[str], start: int) -> int:
    """Where a quote begins: at the heading close above, where that has words of the claim which the rest lacks."""
    last = heading.rpartition(" > ")[2]
    headings = re.finditer(rf"^[# ]*({re.escape(last)})[# ]*$", passage[:start], re.MULTILINE) if last else ()
    at = max((one.start(1) for one in headings if one.start(1) >= start - HEADING_ABOVE), default=-1)
    return at if at >= 0 and (claim.wanted.keys() - held) & frozenset(terms(last)) else start


def _similar(chosen: Sequence[Line], similar: Floats | None, first: int) -> float | None:
    """The nearest of those lines that were read; the embedder may stop before the end of a passage."""
    if similar is None:
        return None
    read = [float(similar[first + at]) for at, line in enumerate(chosen) if line.rows.stop > line.rows.start]
    return max(read, default=None)


def _met(claim: Claim, line: Line, near: Floats | None) -> Floats:
    held = _own(line)
    met = np.array([float(term in held) for term in claim.wanted], np.float32)
    if near is not None and line.rows.stop > line.rows.start:
        met = np.maximum(met, near[:, line.rows].max(axis=1))
    return met


def _own(line: Line) -> frozenset[str]:
    """Its words without those of the sentence that its pronoun points at."""
    return line.held if line.said == line.unit.said else frozenset(terms(line.unit.said))


def _runs(said: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """Neighbours that read as one: sentences, at most with a label above them."""
    for first, line in enumerate(said):
        yield first, first + 1
        if line.unit.kind in {"row", "record"}:
            continue
        for stop in range(first + 2, min(first + LONGEST, len(said)) + 1):
            if said[stop - 1].unit.kind not in {"prose", "label"}:
                break
            yield first, stop
