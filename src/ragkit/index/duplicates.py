"""Equal passages, and nearly equal texts, found by MinHash signatures and the bands that similar signatures share.

Broder, "On the resemblance and containment of documents" (1997); banding as in Leskovec, Rajaraman and Ullman, "Mining
of Massive Datasets", section 3.4. A signature depends on the text alone, so that those of different runs and machines
compare; datasketch names the scheme of its permutations, and keeps each for good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ragkit.text import words

__all__ = ["NEAR_DUPLICATE", "Edition", "bands", "near", "passage_key", "signature", "similarity"]

NEAR_DUPLICATE = 0.8
"""From this similarity on. Twins among manual pages reach 0.75; a page with 3 of 100 words edited has 0.84."""

_SHINGLE = 3
_BANDS, _ROWS = 21, 6
"""Of two texts at 0.8, 998 in 1,000 pairs share a band; at 0.5 one in four does, at 0.3 one in seventy."""
_PERMUTATIONS = _BANDS * _ROWS
_BATCH = 10_000
_COMPARED = 32
"""Signatures that are held against all others at a time."""
_VALUE = np.dtype("<u4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What tells of a live version whether another one says the same, and which of them is newer."""

    signature: bytes
    date: str
    """What the document says of itself, ISO 8601; empty where it says nothing."""
    live_at: datetime

    def newer_than(self, other: Edition) -> bool:
        """By the documents' own dates where both have one and they differ, else by when each was ingested."""
        if self.date and other.date and self.date != other.date:
            return self.date > other.date
        return self.live_at > other.live_at


def passage_key(heading: str, text: str) -> bytes:
    """16 bytes that are equal for passages that say the same, white space apart, under the same headings.

    "Yes." under another question says something else.
    """
    said = f"{heading}\0{' '.join(text.split())}"
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def signature(text: str) -> bytes:
    """The MinHash of a text's sequences of three words, 504 bytes; empty where there are no words."""
    from datasketch import MinHash

    found = words(text)
    if not found:
        return b""
    shingles = sorted({" ".join(found[start : start + _SHINGLE]) for start in range(max(1, len(found) - _SHINGLE + 1))})
    sketch = MinHash(num_perm=_PERMUTATIONS, seed=1, scheme="affine32")
    for start in range(0, len(shingles), _BATCH):  # a batch is a matrix of shingles by permutations
        sketch.update_batch([shingle.encode() for shingle in shingles[start : start + _BATCH]])
    return np.asarray(sketch.hashvalues, _VALUE).tobytes()


def similarity(first: bytes, second: bytes) -> float:
    """How much of two texts is equal: the estimated Jaccard index of their shingles, 0 to 1, give or take 0.04."""
    if not first or not second:
        return 0.0
    return float(np.mean(np.frombuffer(first, _VALUE) == np.frombuffer(second, _VALUE)))


def near(signatures: Mapping[str, bytes]) -> dict[str, frozenset[str]]:
    """Which of them are near-duplicates, for each that has any; empty signatures are like nothing."""
    keys = [key for key, value in signatures.items() if value]
    if len(keys) < 2:
        return {}
    values = np.stack([np.frombuffer(signatures[key], _VALUE) for key in keys])
    found = {}
    for start in range(0, len(keys), _COMPARED):
        same = np.count_nonzero(values[start : start + _COMPARED, np.newaxis] == values, axis=2)
        for row, alike in enumerate(same >= NEAR_DUPLICATE * _PERMUTATIONS, start):
            if np.count_nonzero(alike) > 1:
                found[keys[row]] = frozenset(keys[other] for other in np.flatnonzero(alike)) - {keys[row]}
    return found


def bands(signature: bytes) -> tuple[bytes, ...]:
    """Keys of 8 bytes, one a band; texts that are near-duplicates share at least one, almost always."""
    width = _ROWS * _VALUE.itemsize
    return tuple(
        hashlib.blake2b(signature[start : start + width], digest_size=8, salt=start.to_bytes(2, "big")).digest()
        for start in range(0, len(signature), width)
    )
