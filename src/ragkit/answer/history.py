"""Makes a follow-up question stand alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from ragkit.lexical import terms
from ragkit.text import STOPWORDS, sentences, words
from ragkit.tokens import token_spans
from ragkit.types import Message

__all__ = ["search_query", "standalone_by_rule", "transcript"]

LONGEST_SHARE = 0.4
"""The most of the budget that one message takes."""
FEW_WORDS = 1
"""A question with no more content words leans on the one before it."""
MANY_WORDS = 8
"""One with more is searched for as it is."""

_POINTS_BACK = re.compile(
    r"^\s*(?:and|but|so|also|or|what about|how about|und|aber|oder)\b"
    r"|\b(?:it|its|they|them|their|theirs|that|those|this|these|he|she|him|her|his|there|then|same|one|ones|"
    r"dort|dies\w*|jene\w*|sein\w*|ihr\w*)\b\s*(?:\?|$|\w)",
    re.IGNORECASE,
)


def transcript(messages: Sequence[Message], *, budget: int, count: Callable[[str], int]) -> str:
    """The end of a conversation, as a prompt shows it: as many of the newest messages as fit, long ones shortened.

    Args:
        messages: Oldest first.
        budget: Tokens for all of it.
        count: Counts tokens as the model does.
    """
    names = {"user": "User", "assistant": "Assistant", "system": "System"}
    lines: list[str] = []
    left = budget
    for message in reversed(messages):
        said = f"{names[message.role]}: {' '.join(message.text.split())}"
        line = _shortened(said, int(budget * LONGEST_SHARE), count)
        left -= count(line) + 1
        if left < 0:
            break
        lines.append(line)
    return "\n".join(reversed(lines))


def search_query(question: str, previous: str | None) -> str:
    """What to search for: a question that is not long with the content words of the one before it.

    Unlike `standalone_by_rule` it does not tell whether the question points back: a word too many costs a search
    little, and one too few may cost it the answer.
    """
    if not previous or len(set(terms(question))) > MANY_WORDS:
        return question
    return _lent(question, previous)


def standalone_by_rule(question: str, previous: str | None) -> str:
    """Without a model: lend a question that points back the content words of the previous stand-alone question."""
    if not previous:
        return question
    if len(set(terms(question))) > FEW_WORDS and not _POINTS_BACK.search(question):
        return question
    return _lent(question, previous)


def _lent(question: str, previous: str) -> str:
    present = set(terms(question))
    lent = [word for word in words(previous) if word not in STOPWORDS and not set(terms(word)) & present]
    return f"{' '.join(dict.fromkeys(lent))} {question}" if lent else question


def _shortened(text: str, most: int, count: Callable[[str], int]) -> str:
    """Its first sentences, as far as they fit; of a first one that does not fit its beginning."""
    if count(text) <= most:
        return text
    ends = [end for _, end in sentences(text)]
    fitting = bisect_left(ends, most, key=lambda end: count(text[:end]))  # counting each beginning would take seconds
    if fitting:
        return f"{text[: ends[fitting - 1]]} …"
    return f"{text[: token_spans(text)[max(most - 1, 1)][0]]}…"
