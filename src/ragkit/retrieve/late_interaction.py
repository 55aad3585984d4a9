"""The built-in reranker: how well each word of a question is met by the words of a passage, in their contexts.

The sum of the best matches (MaxSim) is from ColBERT (Khattab and Zaharia, "ColBERT: Efficient and Effective Passage
Search via Contextualized Late Interaction over BERT", SIGIR 2020). Here it runs over the token vectors of the sentence
embedder, so that nothing is downloaded, weighted by how much each word of the question tells. Of a passage's vectors
only the signs are kept, and only those of words that tell something: the product of a vector with the signs of another
estimates their cosine up to a constant (Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC
2002), and measured, it orders passages as well as the vectors themselves.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ragkit.errors import ConfigError, StorageError
from ragkit.index.token_signs import TokenSigns, signs_of
from ragkit.interaction import token_weights
from ragkit.protocols import Embedder, TokenEmbedder, TokenVectors
from ragkit.types import Hit

__all__ = ["NAME", "LateInteraction", "Question"]

_log = logging.getLogger(__name__)

NAME = "late-interaction"
MET = 2.0
"""What the match counts beside the score of the search, both from 0 to 1. From 1 to 3 little changes."""
ASKING = 0.5
"""What a word that asks (who, when, how many) counts beside one that tells as much as a word can."""
_WORDS_FROM = 2.5
"""Letters a token from which on the embedder reads words. Where it reads letter by letter, as in a script that it was
not made for, its tokens tell nothing."""


class LateInteraction:
    """Reorders hits by their own score and how well they meet the question word by word.

    The signs of a passage that has none are made when it is first among the candidates, and kept.

    Args:
        embedder: The one that made the collection's vectors.
        signs: Where signs are kept.
        embedded: The text that was embedded for a hit, by the key of its vector, if that is known.

    Raises:
        ConfigError: The embedder is behind the network, and gives no vectors of tokens.
    """

    def __init__(self, embedder: Embedder, signs: TokenSigns, embedded: Callable[[Hit, bytes | None], str]) -> None:
        if not isinstance(embedder, TokenEmbedder):
            raise ConfigError(
                f"The reranker {NAME!r} compares tokens, which {embedder.spec.name!r} gives no vectors of.",
                hint="It needs an embedder on this machine; or set RAGKIT_RERANKER to 'llm', or to a model that ranks.",
            )
        self._embedder = embedder
        self._signs = signs
        self._embedded = embedded

    @property
    def name(self) -> str:
        return NAME

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The hits, best first, ranked from 1; ties keep their order."""
        if not hits:
            return []
        (tokens,) = self._embedder.embed_tokens([question])
        asked = Question(question, tokens)
        signs = self._of(hits)
        met = asked.met([signs[hit.chunk_id] for hit in hits])
        scores = [hit.score + MET * share for hit, share in zip(hits, met, strict=True)]
        order = sorted(range(len(hits)), key=lambda row: -scores[row])
        return [
            replace(hits[row], rank=rank, score=round(scores[row], 6), via=(*hits[row].via, "rerank"))
            for rank, row in enumerate(order, start=1)
        ]

    def _of(self, hits: Sequence[Hit]) -> dict[str, bytes]:
        found = self._signs.get([hit.chunk_id for hit in hits])
        lacking = [hit for hit in hits if hit.chunk_id not in found]
        if lacking:
            keys = self._signs.keys([hit.chunk_id for hit in lacking])
            missing = {hit.chunk_id: self._embedded(hit, keys.get(hit.chunk_id)) for hit in lacking}
            made = self._embedder.embed_tokens(list(missing.values()))
            fresh = {key: signs_of(text, tokens) for (key, text), tokens in zip(missing.items(), made, strict=True)}
            try:
                self._signs.keep({keys[chunk_id]: value for chunk_id, value in fresh.items() if chunk_id in keys})
            except StorageError as error:  # they are made again the next time
                _log.warning("What was made of passages could not be kept: %s", error)
            found |= fresh
        return found


class Question:
    """A question that is held against passages.

    Args:
        text: The question.
        tokens: Its vectors.
    """

    def __init__(self, text: str, tokens: TokenVectors) -> None:
        about, asking = token_weights(text, tokens.spans)
        told = about + ASKING * asking
        keep = told > 0
        self._dimension = tokens.rows.shape[1]
        self._weights = told[keep] / told.sum() if keep.any() else told[keep]
        self._rows = tokens.rows[keep]
        letters = sum(map(str.isalnum, text)) / max(len(tokens.spans), 1)
        self._trust = min(max(math.log(max(letters, 1.0)) / math.log(_WORDS_FROM), 0.0), 1.0)

    def met(self, passages: Sequence[bytes]) -> list[float]:
        """For the signs of each passage the weighted mean over the question's words of the best match, about 0 to 1.

        It is scaled down as far as the embedder has to spell the question.
        """
        width = -(-self._dimension // 8)
        ends = np.cumsum([len(signs) // width for signs in passages], dtype=np.intp)
        if not len(self._rows) or not len(ends) or not ends[-1]:
            return [0.0] * len(passages)
        packed = np.frombuffer(b"".join(passages), np.uint8).reshape(-1, width)
        bits = np.unpackbits(packed, axis=1, count=self._dimension).astype(np.float32)
        # With signs of +1 and -1 for bits of 1 and 0.
        matches = 2 * (bits @ self._rows.T) - self._rows.sum(axis=1)
        # The components of a unit vector add up to about sqrt(2 d / pi) in absolute value.
        scale = self._trust / float(np.sqrt(2 * self._dimension / np.pi))
        return [
            scale * float(matches[start:end].max(axis=0) @ self._weights) if end > start else 0.0
            for start, end in pairwise([0, *ends.tolist()])
        ]
