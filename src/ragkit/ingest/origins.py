"""From a pipeline to its source."""

from __future__ import annotations

from pathlib import Path

from ragkit.ingest.patterns import Patterns
from ragkit.ingest.pipelines import Pipeline
from ragkit.ingest.sources import Origin
from ragkit.ingest.urls import UrlList, read_addresses

__all__ = ["open_origin"]


def open_origin(pipeline: Pipeline, *, scratch: Path, home: Path, max_bytes: int) -> Origin:
    """The source of a pipeline.

    Args:
        pipeline: From its file.
        scratch: An empty folder for what is fetched; it must stay until the run is over.
        home: Where it is remembered what files elsewhere were at the last run.
        max_bytes: Larger files are not fetched.

    Raises:
        InputError: A list of addresses cannot be used.
    """
    prefix, memory = f"{pipeline.name}/", home / "sources" / f"{pipeline.name}.json"
    if pipeline.urls is not None:
        return UrlList(
            urls=read_addresses(pipeline.urls) if isinstance(pipeline.urls, Path) else pipeline.urls,
            prefix=prefix,
            scratch=scratch,
            memory=memory,
            max_bytes=max_bytes,
            options=pipeline.options,
            access=pipeline.access,
        )
    if pipeline.bucket is not None:
        from ragkit.ingest.bucket import Bucket

        return Bucket(
            url=pipeline.bucket,
            storage=pipeline.storage,
            prefix=prefix,
            patterns=Patterns(include=pipeline.include, exclude=pipeline.exclude),
            sidecars=pipeline.sidecars,
            scratch=scratch,
            memory=memory,
            max_bytes=max_bytes,
            options=pipeline.options,
            access=pipeline.access,
        )
    return pipeline.root
