"""One question on its way to its answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit.answer.records import Conversation
from ragkit.store.engine import now
from ragkit.types import Answer, Citation, Filters, Hit, PromptRef, PromptVersion, Reason, Trace, Usage

__all__ = ["Turn"]


@dataclass(slots=True, kw_only=True)
class Turn:
    """What was asked, and what the stages have found out so far."""

    question: str
    collection: str
    conversation: Conversation
    prompt: PromptVersion
    generation: int
    model: str
    trace_id: str
    began: float
    filters: Filters | None = None
    access: tuple[str, ...] | None = None
    mmr: float | None = None
    standalone: str = ""
    hits: Sequence[Hit] = ()
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    reason: Reason | None = None
    usage: list[Usage] = field(default_factory=list)
    stages_ms: dict[str, float] = field(default_factory=dict)

    def passed(self, stage: str, since: float) -> None:
        """Add the time since `since` (of `time.perf_counter`) to a stage."""
        self.stages_ms[stage] = round(self.stages_ms.get(stage, 0.0) + 1000 * (time.perf_counter() - since), 3)

    def answer(self) -> Answer:
        """The answer as it stands."""
        return Answer(
            answer=self.text,
            citations=tuple(self.citations),
            abstained=self.reason is not None,
            reason=self.reason,
            prompt=PromptRef(name=self.prompt.name, version=self.prompt.version),
            model=self.model,
            usage=_total(self.usage),
            trace_id=self.trace_id,
            conversation_id=self.conversation.id,
            took_ms=round(1000 * (time.perf_counter() - self.began), 3),
        )

    def trace(self, answer: Answer) -> Trace:
        """The record of the answer."""
        return Trace(
            id=self.trace_id,
            question=self.question,
            standalone_question=self.standalone,
            collection=self.collection,
            generation=self.generation,
            hits=tuple((hit.chunk_id, hit.score) for hit in self.hits),
            answer=answer,
            stages_ms=dict(self.stages_ms),
            created_at=now(),
        )


def _total(parts: Sequence[Usage]) -> Usage:
    costs = [part.cost_usd for part in parts]
    return Usage(
        input_tokens=sum(part.input_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
    )
