"""Runs of pipelines and jobs, over the parts of an engine: what the worker does, and `ragkit ingest` without a path."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ragkit.ingest.named import pipeline_named
from ragkit.ingest.origins import open_origin
from ragkit.ingest.scratch import scratch_folder
from ragkit.ingest.sources import Item, discover
from ragkit.types import IngestReport, JobProgress

if TYPE_CHECKING:
    from ragkit.engine import Parts
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.report import Progress
    from ragkit.jobs.ledger import Work
    from ragkit.jobs.progress import OnProgress

__all__ = ["run_job", "run_pipeline"]


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
    home, max_bytes = parts.settings.home.resolve(), parts.settings.max_file_mb * 1_000_000
    with scratch_folder(home) as scratch:
        origin = open_origin(pipeline, scratch=scratch, home=home, max_bytes=max_bytes)
        # From a part of what there is nobody can tell what has gone.
        return parts.ingestor().run(
            collection or pipeline.collection,
            [item for item in discover([origin]) if not only or item.uri in only],
            roots=() if only else (origin.prefix,),
            prune=(prune or pipeline.prune) and not only,
            profile=parts.profile(pipeline),
            **rest,
        )


def run_job(parts: Parts, work: Work, on_progress: OnProgress) -> IngestReport:
    """Do the work of a job: an upload, or a run of a pipeline."""
    job = parts.jobs.get(work.job_id)

    def tell(p: Progress) -> None:
        counts = {name: getattr(p, name) for name in JobProgress.__dataclass_fields__}
        on_progress(JobProgress(**counts))

    if job.kind == "ingest":
        path = parts.files.path(work.file_sha256)
        item = Item(uri=job.uri, path=path, name=job.uri.removeprefix("upload://"))
        return parts.ingestor().run(job.collection, [item], on_progress=tell)
    pipeline = pipeline_named(parts.settings.pipelines, job.uri.removesuffix("/"))
    return run_pipeline(parts, pipeline, only=work.only, on_progress=tell)
