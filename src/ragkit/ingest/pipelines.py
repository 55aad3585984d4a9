"""Pipeline files: what to ingest, from where, into which collection.

One TOML file is one pipeline; its name is the file's. Paths in it are relative to the file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ragkit.errors import ConfigError
from ragkit.ingest.sources import Root

__all__ = ["Pipeline", "load_pipeline", "load_pipelines"]


class Pipeline(BaseModel):
    """One pipeline file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", description="Set from the file name; the first part of every uri.")
    source: Path = Field(description="The folder to ingest, relative to this file.")
    collection: str = Field("default", description="Where the documents go.")
    include: tuple[str, ...] = Field(("**",), description="Globs below the source; a file must match one.")
    exclude: tuple[str, ...] = Field((), description="Globs below the source to leave out.")
    prune: bool = Field(False, description="Remove documents whose file is gone, at every run.")

    @property
    def root(self) -> Root:
        return Root(path=self.source, prefix=f"{self.name}/", include=self.include, exclude=self.exclude)


def load_pipelines(folder: Path) -> list[Pipeline]:
    """Every pipeline of a folder, by name.

    Raises:
        ConfigError: There is none, or one of them is not valid.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise ConfigError(
            f"There is no pipeline file in {str(folder)!r}.",
            hint="Name what to ingest (`ragkit ingest PATH`), or set RAGKIT_PIPELINES to a folder of *.toml files.",
        )
    return [load_pipeline(file) for file in files]


def load_pipeline(file: Path) -> Pipeline:
    """Read one pipeline file.

    Raises:
        ConfigError: It cannot be read, is not TOML, or a key is missing, unknown or wrong; the message names it.
    """
    hint = "ingest/README.md shows every key."
    try:
        with file.open("rb") as opened:
            values = tomllib.load(opened)
        pipeline = Pipeline.model_validate({**values, "name": file.stem})
    except OSError as error:
        raise ConfigError(f"The pipeline file {str(file)!r} cannot be read: {error.strerror}.", hint=hint) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The pipeline file {str(file)!r} is not valid TOML: {error}.", hint=hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"In the pipeline file {str(file)!r}, {key!r}: {first['msg']}.", hint=hint) from error
    return pipeline.model_copy(update={"source": (file.parent / pipeline.source).resolve()})
