"""Reads texts token by token that are longer than an embedder reads at once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from ragkit.protocols import TokenEmbedder, TokenVectors
from ragkit.text import sentences

__all__ = ["read_whole"]


def read_whole(embedder: TokenEmbedder, texts: Sequence[tuple[str, str]]) -> list[TokenVectors]:
    """The tokens of each context and text, as of the two joined.

    What an embedder does not read of a text is read in further pieces, each from the beginning of a sentence and below
    the same context. One that comes to nothing beside its context ends the text.
    """
    begun = embedder.embed_tokens([above + text for above, text in texts])
    return [_continued(embedder, *pair, tokens) for pair, tokens in zip(texts, begun, strict=True)]


def _continued(embedder: TokenEmbedder, above: str, text: str, begun: TokenVectors) -> TokenVectors:
    spans, rows = list(begun.spans), [begun.rows]
    end, since = len(above) + len(text.rstrip()), len(above)
    starts = [len(above) + start for start, _ in sentences(text)] if spans and spans[-1][1] < end else []
    while spans and since < spans[-1][1] < end:
        # The sentence that broke off is read again as a whole, unless it is longer than a piece itself.
        broken = starts[bisect_right(starts, spans[-1][1]) - 1] if starts else since
        since = broken if broken > since else spans[-1][1]
        kept = bisect_left([start for start, _ in spans], since)
        (more,) = embedder.embed_tokens([above + text[since - len(above) :]])
        new = bisect_left([start for start, _ in more.spans], len(above))
        shift = since - len(above)
        if new == len(more.spans):
            break
        spans = spans[:kept] + [(start + shift, stop + shift) for start, stop in more.spans[new:]]
        rows = [np.concatenate(rows)[:kept], more.rows[new:]]
    return TokenVectors(spans=spans, rows=np.concatenate(rows)) if len(rows) > 1 else begun
