"""How an answer was judged, in words and numbers. Part of `ragkit.types`, where it is to be taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["BUILT_IN", "IN_GERMAN", "Evidence", "Note", "Reason", "Verdict"]

Verdict = Literal["supported", "partly", "unsupported", "contradicted"]
Note = Literal["dropped", "repaired", "looped"]
"""What was done to a model's reply: sentences were left out that their sources do not support, the model was asked
again after an objection, or the reply was ended as it repeated itself."""
Reason = Literal["no_evidence", "off_topic", "conflicting_sources", "underspecified"]

IN_GERMAN: Mapping[Verdict, str] = {
    "supported": "belegt",
    "partly": "teilweise belegt",
    "unsupported": "nicht belegt",
    "contradicted": "widersprochen",
}
"""What readers of a German answer are told."""

BUILT_IN = "built-in"
"""The check that every sentence gets; a stronger one goes by the name of its model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Whether what was found holds an answer, as it was judged before anything was written."""

    probability: float
    """That it does, where as many questions have an answer as have none."""
    least: float
    """Below it the answer is a refusal."""
    tuned: bool
    """Whether `ragkit tune --precision` has set `least` for the collection."""
