"""Runs of pipelines, jobs and reindexing, over the parts of an engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from ragkit.errors import ConfigError, InputError, NotFound
from ragkit.evaluate.golden import GoldenQuestion, read_golden
from ragkit.history import Reindexed
from ragkit.index.weights import SourceWeight
from ragkit.ingest.named import pipeline_named
from ragkit.ingest.origins import open_origin
from ragkit.ingest.sources import INSIDE, Item, Origin, discover
from ragkit.store.scratch import scratch_folder
from ragkit.types import Document, IngestReport, JobProgress

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.ingest.pipelines import ChunkProfile, Pipeline
    from ragkit.ingest.report import Progress
    from ragkit.jobs.ledger import Work
    from ragkit.jobs.progress import OnProgress
    from ragkit.parts import Parts
    from ragkit.protocols import Embedder

__all__ = ["ReindexOptions", "release_document", "run_job", "run_pipeline", "run_reindex", "run_roots"]

_K = 10


class ReindexOptions(TypedDict, total=False):
    """What a reindex may be told."""

    embedder: str | None
    """Its name; by default that of the generation that answers."""
    chunks: ChunkProfile | None
    """How documents are cut; by default as they are."""
    golden: Path | None
    """Questions with their sources, by which both generations are measured before the switch."""
    force: bool
    """Switch also to a generation that is worse."""
    rollback: bool
    """Go back to the generation before, and build nothing but what has changed since."""
    on_progress: Callable[[int, int], None]
    """Called with how many documents are built, of how many."""


def run_roots(parts: Parts, roots: Sequence[Origin], *, collection: str | None = None, **rest: Any) -> IngestReport:
    """Ingest what is below some roots."""
    items = discover(roots)
    if not items:
        where = ", ".join(repr(root.prefix) for root in roots)
        raise InputError(f"There is nothing to ingest in {where}.", hint="Name a folder with documents in it.")
    prefixes = [root.prefix for root in roots]
    return parts.ingestor().run(collection or parts.settings.collection, items, roots=prefixes, **rest)


def run_pipeline(
    parts: Parts,
    pipeline: Pipeline,
    *,
    collection: str | None = None,
    prune: bool = False,
    only: Collection[str] = (),
    **rest: Any,
) -> IngestReport:
    """Ingest the source of a pipeline as its file says; on request some uris only."""
    where, said = collection or pipeline.collection, pipeline.retrieval
    home, max_bytes = parts.settings.home.resolve(), parts.settings.max_file_mb * 1_000_000
    with scratch_folder(home) as scratch:
        origin = open_origin(pipeline, scratch=scratch, home=home, max_bytes=max_bytes)
        # From a part of what there is nobody can tell what has gone.
        wanted = {uri[:end] for uri in only for end in (*_ends_of_containers(uri), len(uri))}
        report = parts.ingestor().run(
            where,
            [item for item in discover([origin]) if not only or item.uri in wanted],
            roots=() if only else (origin.prefix,),
            prune=(prune or pipeline.prune) and not only,
            profile=parts.profile(pipeline),
            **rest,
        )
    if not rest.get("dry_run"):
        weight = SourceWeight(weight=said.weight, half_life_days=said.half_life)
        parts.collections.weigh(where, f"{pipeline.name}/", weight)
    return report


def release_document(parts: Parts, document: Document) -> IngestReport:
    """Let a document out of quarantine, processed as the pipeline says that it is from, where there is one."""
    try:
        pipeline = pipeline_named(parts.settings.pipelines, document.uri.partition("/")[0])
    except NotFound:  # an upload, or a path that was named by hand
        return parts.ingestor().release(document.id)
    return parts.ingestor().release(document.id, profile=parts.profile(pipeline), options=pipeline.options)


def run_job(parts: Parts, work: Work, on_progress: OnProgress) -> IngestReport:
    """Do the work of a job: an upload, or a run of a pipeline."""
    job = parts.jobs.get(work.job_id)

    def tell(p: Progress) -> None:
        counts = {name: getattr(p, name) for name in JobProgress.__dataclass_fields__}
        on_progress(JobProgress(**counts))

    if job.kind == "ingest":
        with parts.files.at_hand(work.file_sha256) as path:
            item = Item(uri=job.uri, path=path, name=job.uri.removeprefix("upload://"))
            return parts.ingestor().run(job.collection, [item], on_progress=tell)
    pipeline = pipeline_named(parts.settings.pipelines, job.uri.removesuffix("/"))
    return run_pipeline(parts, pipeline, only=work.only, on_progress=tell)


def run_reindex(
    parts: Parts,
    collection: str,
    *,
    embedder: str | None = None,
    golden: Path | None = None,
    rollback: bool = False,
    force: bool = False,
    chunks: ChunkProfile | None = None,
    on_progress: Callable[[int, int], None] = lambda done, found: None,
) -> Reindexed:
    """Change the generation of a collection."""
    reindexer = parts.ingestor().reindexer()
    if rollback:
        if embedder or golden or chunks:
            raise InputError("A rollback takes a generation as it is: no embedder, chunk profile or questions.")
        return reindexer.roll_back(collection, on_progress=on_progress)
    return reindexer.run(
        collection,
        embedder=None if embedder is None else _found_again(parts, embedder),
        chunks=chunks,
        quality=None if golden is None else partial(_found_first, parts, _with_sources(golden)),
        force=force,
        on_progress=on_progress,
    )


def _found_again(parts: Parts, given: str) -> Embedder:
    """An embedder that every process finds by the name that its generation will carry.

    Raises:
        ConfigError: There is no such model, or none by its own name.
    """
    model = parts.embedder(given)
    try:
        found = parts.embedder(model.spec.name).spec == model.spec
    except ConfigError:
        found = False
    if not found:
        there = parts.settings.home.resolve() / "models" / model.spec.name
        raise ConfigError(
            f"A collection remembers its embedder as {model.spec.name!r}, and {given!r} is not found by that name.",
            hint=f"Put the folder, or a link to it, at {str(there)!r}, and reindex with that name.",
        )
    return model


def _ends_of_containers(uri: str) -> Iterator[int]:
    """Where the uris of the archives and e-mails end that a document may lie in."""
    return (match.start() for match in re.finditer(re.escape(INSIDE), uri))


def _with_sources(file: Path) -> list[GoldenQuestion]:
    questions = [question for question in read_golden(file) if question.must_cite]
    if not questions:
        raise InputError(f"No question in {str(file)!r} names the documents that answer it (`must_cite`).")
    return questions


def _found_first(parts: Parts, questions: list[GoldenQuestion], generation: Generation) -> float:
    """Mean reciprocal rank, in the first ten passages, of a document that a question must cite."""
    total = 0.0
    for question in questions:
        found = parts.retriever.search(
            question.question, collection=generation.collection, k=_K, generation=generation
        ).hits
        ranks = [hit.rank for hit in found if any(map(question.is_source, (hit.uri, *hit.also_in)))]
        total += 1 / min(ranks) if ranks else 0.0
    return total / len(questions)
