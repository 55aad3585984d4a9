"""Decides, before anything is written, whether what was found can answer the question."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.protocols import Embedder
from ragkit.types import Hit, Reason

__all__ = ["refusal", "should_abstain"]


def should_abstain(question: str, hits: Sequence[Hit], embedder: Embedder) -> Reason | None:
    """Why the question should not be answered from these passages; none when it can be tried."""
    return None if hits else "no_evidence"


def refusal(hits: Sequence[Hit]) -> str:
    """What to say instead of an answer: what came nearest, and what may help."""
    if not hits:
        return "I found nothing about this in the documents. Try other words, or ingest a document that covers it."
    nearest = hits[0]
    where = f"“{nearest.title}”" + (f" ({nearest.heading})" if nearest.heading else "")
    return (
        f"The documents do not seem to hold an answer to this. What came nearest is {where}. "
        "Try other words, or ingest a document that covers it."
    )
