"""What the engine is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.types import VerifyReport

if TYPE_CHECKING:
    from ragkit.answer.pipeline import Answerer
    from ragkit.answer.ports import Search
    from ragkit.evaluate.runs import Evaluations
    from ragkit.index.catalog import Catalog
    from ragkit.index.generations import Collections
    from ragkit.index.snapshots import Snapshots
    from ragkit.ingest.changes import Profile
    from ragkit.ingest.pipeline import Ingestor
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.jobs.control import JobControl
    from ragkit.jobs.ledger import JobLedger
    from ragkit.prompts.registry import PromptRegistry
    from ragkit.protocols import Embedder
    from ragkit.retrieve.pipeline import Retriever
    from ragkit.settings import Settings
    from ragkit.store.files import FileStore
    from ragkit.threads import Threads

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the engine is made of; what is costly to open is opened by the first call that needs it."""

    settings: Settings
    collections: Collections
    catalog: Catalog
    snapshots: Snapshots
    evaluations: Evaluations
    prompts: PromptRegistry
    jobs: JobLedger
    control: JobControl
    any_worker: Callable[[], bool]
    """Whether jobs are taken up."""
    files: FileStore
    retriever: Retriever
    ingestor: Callable[[], Ingestor]
    embedder: Callable[[str], Embedder]
    """Opens an embedder by its name."""
    profile: Callable[[Pipeline], Profile]
    """How the files of a pipeline are processed."""
    answerer: Callable[[Search, Threads], Answerer]
    verify: Callable[[bool], VerifyReport]
    drop: Callable[[str], int]
    """Removes a collection with what is derived from it; returns how many documents it had."""
    probes: dict[str, Callable[[], object]]
    """One call a part, which raises when the part does not work."""
    close: Callable[[], None]
