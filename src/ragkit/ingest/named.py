"""A pipeline by its name."""

from __future__ import annotations

from pathlib import Path

from ragkit.errors import NotFound
from ragkit.ingest.pipelines import Pipeline, load_pipeline

__all__ = ["pipeline_named"]


def pipeline_named(folder: Path, name: str) -> Pipeline:
    """The pipeline of this name; others in the folder may be wrong.

    Raises:
        NotFound: The folder has no file for it.
        ConfigError: The file is not valid.
    """
    files = {file.stem: file for file in sorted(folder.glob("*.toml"))}
    if name not in files:
        there = ", ".join(map(repr, files)) or "none"
        raise NotFound(
            f"There is no pipeline {name!r} in {str(folder)!r}.", hint=f"There is {there}; RAGKIT_PIPELINES says where."
        )
    return load_pipeline(files[name])
