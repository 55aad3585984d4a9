"""Resolves what a sentence cites to the exact text that supports it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.answer.groundedness import PARTLY, Check, judge, stands_there
from ragkit.answer.markers import Sentence
from ragkit.answer.mismatches import Text
from ragkit.answer.windows import Claim, Window, best_windows, claim_of, likeliest, together
from ragkit.events import Cited, Verified
from ragkit.reader import Reader
from ragkit.types import Citation, Hit, Usage

__all__ = ["Resolved", "hold", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The events of one sentence."""

    cited: tuple[Cited, ...]
    verified: Verified
    barred: bool = False
    """As of a `Check`."""
    usage: Usage | None = None
    """Of a language model that was asked about it."""


def resolve(
    sentence: Sentence,
    sources: Sequence[Hit],
    reader: Reader | None = None,
    *,
    passages: Sequence[Hit] | None = None,
) -> Resolved:
    """Find the quote for each marker and hold the sentence against all of them together.

    A sentence that cites nothing is held against the likeliest sources and gets a verdict, but no citation is made up
    for it.

    Args:
        sentence: A closed sentence; its markers are numbers of sources.
        sources: In the order in which the model saw them, numbered from 1.
        reader: Lets paraphrases count, where its embedder gives vectors of tokens; without it words alone do.
        passages: What the sources are made of, for a sentence that cites nothing: a few of these are read sooner than
            a few sources. The sources by default.
    """
    if not sentence.markers:
        overall = hold(sentence.text, sources if passages is None else passages, reader)
        return Resolved(cited=(), verified=_verified(sentence, overall))
    claim = claim_of(sentence.text)
    cited = [sources[marker - 1] for marker in sentence.markers]
    windows = _windows(claim, cited, reader)
    checks = [judge(claim, [window]) for window in windows]
    overall = max([*checks, judge(claim, windows)] if len(cited) > 1 else checks, key=lambda check: check.score)
    citations = tuple(
        Cited(citation=_citation(marker, hit, window, own, overall))
        for marker, hit, window, own in zip(sentence.markers, cited, windows, checks, strict=True)
    )
    return Resolved(cited=citations, verified=_verified(sentence, overall), barred=overall.barred)


def hold(text: str, passages: Sequence[Hit], reader: Reader | None = None) -> Check:
    """Hold a sentence against whatever of some passages supports it best."""
    claim = claim_of(text)
    return judge(claim, together(claim, _windows(claim, likeliest(claim, passages), reader)))


def _windows(claim: Claim, hits: Sequence[Hit], reader: Reader | None) -> list[Window]:
    """With the tokens' nearness only where the words leave it open: what stands there word for word needs none."""
    found = best_windows(claim, hits, None)
    said = Text(claim.text)
    if reader is None or not reader.reads_tokens or all(stands_there(said, Text(window.said)) for window in found):
        return found
    return best_windows(claim, hits, reader)


def _verified(sentence: Sentence, overall: Check) -> Verified:
    return Verified(sentence=sentence.text, markers=sentence.markers, verdict=overall.verdict, score=overall.score)


def _citation(marker: int, hit: Hit, window: Window, own: Check, overall: Check) -> Citation:
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
        start=hit.start + window.start,
        end=hit.start + window.end,
        quote=hit.text[window.start : window.end],
        verdict=verdict,
        score=own.score,
        supported=verdict == "supported",
    )
