"""What the engine is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ragkit.errors import RagkitError
from ragkit.types import VerifyReport

if TYPE_CHECKING:
    from ragkit.answer.conversations import Conversations
    from ragkit.answer.feedback import FeedbackStore
    from ragkit.answer.pipeline import Answerer
    from ragkit.answer.ports import Search
    from ragkit.answer.records import Records
    from ragkit.evaluate.runs import Evaluations
    from ragkit.index.catalog import Catalog
    from ragkit.index.generations import Collections, Generation
    from ragkit.index.snapshots import Snapshots
    from ragkit.ingest.changes import Profile
    from ragkit.ingest.pipeline import Ingestor
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.jobs.control import JobControl
    from ragkit.jobs.ledger import JobLedger
    from ragkit.keys.quotas import Quotas
    from ragkit.keys.registry import KeyRegistry
    from ragkit.opinions import Checker
    from ragkit.prompts.registry import PromptRegistry
    from ragkit.protocols import Embedder
    from ragkit.retrieve.pipeline import Retriever
    from ragkit.settings import Settings
    from ragkit.store.files import Files
    from ragkit.store.unfinished import Unfinished
    from ragkit.threads import Threads

__all__ = ["OpenAnswerer", "Parts", "state_of"]


class OpenAnswerer(Protocol):
    """Puts the answer path together."""

    def __call__(
        self, search: Search, threads: Threads, *, llm: str | None = None, least: float | None = None
    ) -> Answerer:
        """With the model of `RAGKIT_LLM` or another one spelled alike, and `least` in place of what was tuned."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the engine is made of; what is costly to open is opened by the first call that needs it."""

    settings: Settings
    collections: Collections
    catalog: Catalog
    snapshots: Snapshots
    evaluations: Evaluations
    prompts: PromptRegistry
    conversations: Conversations
    records: Records
    feedback: FeedbackStore
    numbered: Callable[[Generation, int], Generation]
    """The generation of a collection that has a number; raises NotFound where it is gone."""
    jobs: JobLedger
    control: JobControl
    keys: KeyRegistry
    quotas: Quotas
    any_worker: Callable[[], bool]
    """Whether jobs are taken up."""
    files: Files
    unfinished: Unfinished
    """Uploads that are not whole yet."""
    retriever: Retriever
    ingestor: Callable[[], Ingestor]
    embedder: Callable[[str], Embedder]
    """Opens an embedder by its name."""
    profile: Callable[[Pipeline], Profile]
    """How the files of a pipeline are processed."""
    answerer: OpenAnswerer
    checker: Callable[[], Checker | None]
    """Opens the stronger check of sentences, where there is one."""
    verify: Callable[[bool], VerifyReport]
    drop: Callable[[str], int]
    """Removes a collection with what is derived from it; returns how many documents it had."""
    probes: dict[str, Callable[[], object]]
    """One call a part, which raises when the part does not work."""
    close: Callable[[], None]


def state_of(probe: Callable[[], object]) -> str:
    """`ok`, or what is wrong with the part that a probe asks."""
    try:
        probe()
    except RagkitError as error:
        return error.detail
    return "ok"
