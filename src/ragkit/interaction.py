"""Late interaction: what each word of a question weighs when it is held against the words of a passage."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.lexical import weights

__all__ = ["WORD", "token_weights"]

WORD = re.compile(r"\w+(?:[.'@:/-]\w+)*")


def token_weights(question: str, spans: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the tokens of a question weigh.

    Args:
        question: The question.
        spans: The characters of its tokens.

    Returns:
        The tokens of what it is about, those of a word together as much as the word tells; and those of the words that
        it asks with (who, when, how many), together 1 a word. Each token has weight in one of the two, or in none.
    """
    about, asking = np.zeros(len(spans), np.float32), np.zeros(len(spans), np.float32)
    for word in WORD.finditer(question):
        pieces = [row for row, (start, end) in enumerate(spans) if start < word.end() and end > word.start()]
        tells = weights(word.group())
        told, weight = (about, max(tells.values())) if tells else (asking, 1.0)
        told[pieces] = weight / max(len(pieces), 1)
    return about, asking
