"""Resolves what a sentence cites to the exact text that supports it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.answer.groundedness import PARTLY, Check, check
from ragkit.answer.markers import Sentence
from ragkit.events import Cited, Verified
from ragkit.passages import Unit, units
from ragkit.types import Citation, Hit

__all__ = ["Resolved", "resolve"]

WINDOW = 3
"""A quote is at most so many neighbouring sentences."""
LENGTHENING = 0.05
"""What each further sentence must add to the score to be worth quoting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The events of one sentence."""

    cited: tuple[Cited, ...]
    verified: Verified


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quote:
    start: int
    end: int
    context: str
    check: Check


def resolve(sentence: Sentence, sources: Sequence[Hit]) -> Resolved:
    """Find the quote for each marker and hold the sentence against all of them together.

    A sentence that cites nothing is held against all sources and gets a verdict, but no citation is made up for it.

    Args:
        sentence: A closed sentence; its markers are numbers of sources.
        sources: In the order in which the model saw them, numbered from 1.
    """
    cited = [sources[marker - 1] for marker in sentence.markers]
    quotes = [_best_quote(sentence.text, hit) for hit in cited or sources]
    if not cited:
        overall = max((quote.check for quote in quotes), key=lambda c: c.score)
    elif len(quotes) == 1:
        overall = quotes[0].check
    else:
        together = "\n".join(hit.text[quote.start : quote.end] for hit, quote in zip(cited, quotes, strict=True))
        overall = check(sentence.text, together, context="\n".join(quote.context for quote in quotes))
    citations = tuple(
        Cited(citation=_citation(marker, hit, quote, overall))
        for marker, hit, quote in zip(sentence.markers, cited, quotes[: len(cited)], strict=True)
    )
    verified = Verified(sentence=sentence.text, markers=sentence.markers, verdict=overall.verdict, score=overall.score)
    return Resolved(cited=citations, verified=verified)


def _best_quote(claim: str, hit: Hit) -> _Quote:
    above = f"{hit.title}\n{hit.heading}"
    found = units(hit.text)
    if not found:
        return _Quote(start=0, end=len(hit.text), context=above, check=check(claim, hit.text, context=above))
    quotes = [
        _quote(claim, hit.text, found[first : first + size], above)
        for size in range(1, WINDOW + 1)
        for first in range(len(found) - size + 1)
        if size == 1 or _joins(found[first : first + size])
    ]
    return max(quotes, key=lambda quote: quote.check.score - LENGTHENING * _length(quote, found))


def _joins(window: Sequence[Unit]) -> bool:
    """Whether these read as one: sentences, at most with the heading above them."""
    return all(unit.kind in {"prose", "label"} for unit in window[1:]) and window[0].kind not in {"row", "record"}


def _quote(claim: str, text: str, window: Sequence[Unit], above: str) -> _Quote:
    start, end = window[0].start, window[-1].end
    context = f"{above}\n{window[0].heading}\n{window[0].lead}"
    evidence = window[0].said if window[0].kind == "row" else text[start:end]
    return _Quote(start=start, end=end, context=context, check=check(claim, evidence, context=context))


def _length(quote: _Quote, found: Sequence[Unit]) -> int:
    return sum(quote.start <= unit.start < quote.end for unit in found) - 1


def _citation(marker: int, hit: Hit, quote: _Quote, overall: Check) -> Citation:
    own = quote.check
    verdict = own.verdict
    if own.verdict in {"unsupported", "contradicted"} and overall.verdict == "supported" and own.score >= PARTLY / 2:
        # The other sources hold the rest of the sentence: this one supports its part.
        verdict = "partly"
    return Citation(
        marker=marker,
        document_id=hit.document_id,
        uri=hit.uri,
        title=hit.title,
        page=hit.page,
        heading=hit.heading,
        chunk_id=hit.chunk_id,
        start=hit.start + quote.start,
        end=hit.start + quote.end,
        quote=hit.text[quote.start : quote.end],
        verdict=verdict,
        score=own.score,
        supported=verdict == "supported",
    )
