"""One question on its way to its answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragkit.answer.conversations import SoFar
from ragkit.answer.sources import Source
from ragkit.events import Verified
from ragkit.protocols import Disagreement
from ragkit.recorded import Shown, Trace
from ragkit.store.engine import now
from ragkit.text import sha256
from ragkit.types import Answer, Citation, Evidence, Filters, Hit, Note, PromptRef, PromptVersion, Reason, Usage

__all__ = ["Turn"]


@dataclass(slots=True, kw_only=True)
class Turn:
    """What was asked, and what the stages have found out so far."""

    question: str
    collection: str
    conversation: SoFar
    prompt: PromptVersion
    generation: int
    model: str
    trace_id: str
    began: float
    filters: Filters | None = None
    access: tuple[str, ...] | None = None
    mmr: float | None = None
    caller: str | None = None
    replay_of: str | None = None
    standalone: str = ""
    query: str = ""
    hits: Sequence[Hit] = ()
    sources: Sequence[Source] = ()
    """As the model sees them, numbered from 1."""
    rendered_sha256: str | None = None
    parameters: Mapping[str, int | float | str | None] = field(default_factory=dict)
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    verdicts: list[Verified] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    reason: Reason | None = None
    """Why it was not answered."""
    evidence: Evidence | None = None
    disagreement: Disagreement | None = None
    """Between two of the sources."""
    fallback: str | None = None
    usage: list[Usage] = field(default_factory=list)
    so_far: Callable[[], Usage] | None = None
    """What the reply that is being written has used, beside that."""
    stages_ms: dict[str, float] = field(default_factory=dict)

    @property
    def since(self) -> SoFar | None:
        """The conversation that it goes on with."""
        return self.conversation if self.conversation.collection is not None else None

    @property
    def documents(self) -> frozenset[str]:
        """Ids of the documents that were found."""
        return frozenset(hit.document_id for hit in self.hits)

    @property
    def scope(self) -> str:
        """What is equal only where two askers may get the same reply."""
        seen = (self.collection, self.generation, sorted(self.access) if self.access is not None else None)
        return repr((*seen, self.filters, self.mmr, self.prompt.name, self.prompt.sha256))

    def used(self) -> Usage:
        """By all models, also by one that broke off."""
        used = [*self.usage, self.so_far()] if self.so_far else self.usage
        return replace(sum(used, Usage()), cached=bool(used) and all(one.cached for one in used))

    def spent(self, usage: Usage | None) -> None:
        """Count a reply that is complete, as soon as it is told what it used."""
        if usage is not None:
            self.usage.append(usage)
            self.so_far = None

    def passed(self, stage: str, since: float) -> None:
        """Add the time since `since` (of `time.perf_counter`) to a stage."""
        self.stages_ms[stage] = round(self.stages_ms.get(stage, 0.0) + 1000 * (time.perf_counter() - since), 3)

    def answer(self) -> Answer:
        """The answer as it stands."""
        return Answer(
            answer=self.text,
            citations=tuple(self.citations),
            abstained=self.reason is not None,
            reason=self.reason or ("conflicting_sources" if self._tells_both_sides() else None),
            prompt=PromptRef(name=self.prompt.name, version=self.prompt.version),
            model=self.model,
            usage=self.used(),
            trace_id=self.trace_id,
            conversation_id=self.conversation.id,
            took_ms=round(1000 * (time.perf_counter() - self.began), 3),
            citation_precision=_share([citation.supported for citation in self.citations]),
            coverage=_share(
                [bool(one.markers) and one.verdict == "supported" for one in self.verdicts if not one.dropped]
            ),
            notes=tuple(dict.fromkeys(self.notes)),
            fallback=self.fallback,
            evidence=self.evidence,
        )

    def _tells_both_sides(self) -> bool:
        found = self.disagreement
        return found is not None and {found.first[0], found.second[0]} <= {one.marker for one in self.citations}

    def trace(self, answer: Answer) -> Trace:
        """The record of the answer."""
        return Trace(
            id=self.trace_id,
            question=self.question,
            standalone_question=self.standalone,
            query=self.query,
            collection=self.collection,
            generation=self.generation,
            hits=tuple((hit.chunk_id, hit.score) for hit in self.hits),
            answer=answer,
            stages_ms=dict(self.stages_ms),
            created_at=now(),
            sources=tuple(_shown(number, source) for number, source in enumerate(self.sources, start=1)),
            verdicts=tuple(self.verdicts),
            prompt_sha256=self.prompt.sha256,
            rendered_sha256=self.rendered_sha256,
            parameters=dict(self.parameters),
            filters=self.filters,
            access=self.access,
            mmr=self.mmr,
            replay_of=self.replay_of,
        )


def _share(held: Sequence[bool]) -> float | None:
    return round(sum(held) / len(held), 4) if held else None


def _shown(number: int, source: Source) -> Shown:
    hit = source.hit
    return Shown(
        number=number,
        document_id=hit.document_id,
        uri=hit.uri,
        title=hit.title,
        heading=hit.heading,
        page=hit.page,
        chunk_id=hit.chunk_id,
        start=hit.start,
        end=hit.end,
        sha256=sha256(hit.text),
        passages=tuple(one.chunk_id for one in source.passages),
    )
