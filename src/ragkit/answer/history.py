"""Makes a follow-up question stand alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.lexical import terms
from ragkit.text import STOPWORDS, words
from ragkit.types import Message

__all__ = ["standalone_by_rule", "transcript"]

MAX_MESSAGES = 8
"""The most recent messages that a model sees of a conversation."""
MAX_CHARS = 600
"""The most that it sees of one message."""
FEW_WORDS = 1
"""A question with no more content words leans on the one before it."""

_POINTS_BACK = re.compile(
    r"^\s*(?:and|but|so|also|or|what about|how about|und|aber|oder)\b"
    r"|\b(?:it|its|they|them|their|theirs|that|those|this|these|he|she|him|her|his|there|then|same|one|ones|"
    r"dort|dies\w*|jene\w*|sein\w*|ihr\w*)\b\s*(?:\?|$|\w)",
    re.IGNORECASE,
)


def transcript(messages: Sequence[Message]) -> str:
    """The end of a conversation, as a prompt shows it."""
    names = {"user": "User", "assistant": "Assistant", "system": "System"}
    return "\n".join(
        f"{names[message.role]}: {' '.join(message.text.split())[:MAX_CHARS]}" for message in messages[-MAX_MESSAGES:]
    )


def standalone_by_rule(question: str, previous: str | None) -> str:
    """Without a model: lend a question that points back the content words of the previous stand-alone question."""
    if not previous:
        return question
    if len(set(terms(question))) > FEW_WORDS and not _POINTS_BACK.search(question):
        return question
    present = set(terms(question))
    lent = [word for word in words(previous) if word not in STOPWORDS and not set(terms(word)) & present]
    return f"{' '.join(dict.fromkeys(lent))} {question}" if lent else question
