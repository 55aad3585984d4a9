"""Pipeline files: what to ingest, from where, into which collection.

One TOML file is one pipeline; its name is the file's. Paths in it are relative to the file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from ragkit.errors import ConfigError
from ragkit.ingest.patterns import Patterns
from ragkit.ingest.positions import KeyPath, key_lines
from ragkit.ingest.quality import QualityPolicy
from ragkit.ingest.schedule import checked_cron
from ragkit.ingest.sources import Root
from ragkit.ingest.urls import web_address

__all__ = ["ChunkProfile", "ParserOptions", "Pipeline", "Retrieval", "load_pipeline", "load_pipelines"]

HINT = "ingest/README.md shows every key."
_MAGIC = re.compile(r"[*?\[]")
_SPAN = re.compile(r"([1-9]\d{0,4})([dwy])")
_DAYS = {"d": 1, "w": 7, "y": 365}


def _object_store(url: str) -> str:
    if not re.match(r"[a-z0-9+]+://", url):
        raise ValueError("must be a URL such as s3://bucket/folder")
    return url


def _tag(tag: str) -> str:
    if not re.fullmatch(r"[\w.:@-]{1,64}", tag):
        raise ValueError("must be of 1 to 64 letters, digits and . : @ _ -")
    return tag


def _span(span: object) -> float:
    match = _SPAN.fullmatch(span) if isinstance(span, str) else None
    if match is None:
        raise ValueError('must be days, weeks or years, such as "180d", "26w" or "2y"')
    return float(match[1]) * _DAYS[match[2]]


WebAddress = Annotated[str, AfterValidator(web_address)]
WebAddresses = Annotated[
    Annotated[tuple[WebAddress, ...], Tag("list")] | Annotated[Path, Tag("file")],
    Discriminator(lambda given: "file" if isinstance(given, str | Path) else "list"),
]
StoreUrl = Annotated[str, AfterValidator(_object_store)]
AccessTag = Annotated[str, AfterValidator(_tag)]
Cron = Annotated[str, AfterValidator(checked_cron)]
Days = Annotated[float, BeforeValidator(_span)]


class ParserOptions(BaseModel):
    """The section `[parser]`: what parsers cannot know from the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    password: str | None = Field(default=None, description="Opens encrypted PDF and office files.")
    encoding: str | None = Field(default=None, description="Of text files that do not say theirs, such as `cp1252`.")
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="Between the cells of CSV files."
    )
    ocr_languages: str | None = Field(
        default=None, description="What tesseract reads scanned pages in, such as `deu+eng`."
    )


class ChunkProfile(BaseModel):
    """The section `[chunks]`: how documents are cut; a change processes them again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: int | None = Field(
        default=None, ge=32, le=8192, description="Largest passage; default `RAGKIT_CHUNK_TOKENS`."
    )
    overlap: int | None = Field(
        default=None, ge=0, le=1024, description="Tokens that neighbours share; default `RAGKIT_CHUNK_OVERLAP`."
    )
    strategy: Literal["structure"] = Field(default="structure", description="Along headings, paragraphs and sentences.")

    @model_validator(mode="after")
    def _moves_on(self) -> ChunkProfile:
        if self.tokens and self.overlap and self.overlap * 2 > self.tokens:
            raise ValueError(f"has an overlap of {self.overlap}, which is more than half of {self.tokens} tokens")
        return self


class Retrieval(BaseModel):
    """The section `[retrieval]`: what the documents count in a search, from the next run on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float = Field(default=1.0, gt=0, le=100, description="Multiplies the score of each passage.")
    half_life: Days | None = Field(
        default=None, description="After so long a document counts half as much: `180d`, `26w` or `2y`."
    )


class Pipeline(BaseModel):
    """One pipeline file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", description="Set from the file name; the first part of every uri.")
    source: Path | None = Field(None, description="A folder, a file or a glob, relative to this file.")
    urls: WebAddresses | None = Field(None, description="Web addresses, or a file with one a line, beside this file.")
    bucket: StoreUrl | None = Field(None, description="An object store as fsspec spells it: `s3://bucket/folder`.")
    storage: Mapping[str, str | bool | int] = Field(
        default_factory=dict, description="Options of the object store's fsspec file system, such as `endpoint_url`."
    )
    collection: str = Field("default", min_length=1, description="Where the documents go.")
    include: tuple[str, ...] = Field(("**",), description="Patterns below the source; a file must match one.")
    exclude: tuple[str, ...] = Field((), description="Patterns below the source to leave out.")
    sidecars: bool = Field(True, description="Whether `NAME.meta.json` is the metadata of `NAME`.")
    parser: ParserOptions = ParserOptions()
    chunks: ChunkProfile = ChunkProfile()
    filters: QualityPolicy = QualityPolicy()
    retrieval: Retrieval = Retrieval()
    access: tuple[AccessTag, ...] = Field((), description="Tags that each document gets.")
    pii: Literal["off"] = Field("off", description="What is done to personal data; nothing so far.")
    prune: bool = Field(False, description="Remove documents whose file is gone, at every run.")
    watch: bool = Field(False, description="The worker follows the folder, and ingests what changes in it.")
    schedule: Cron | None = Field(None, description="When the worker runs it: a cron expression, in local time.")

    @model_validator(mode="after")
    def _fits_together(self) -> Pipeline:
        given = [name for name in ("source", "urls", "bucket") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"needs exactly one of source, urls and bucket, and has {said}")
        if self.storage and self.bucket is None:
            raise ValueError("has a section [storage], which only goes with bucket")
        if self.watch and self.source is None:
            raise ValueError("has watch = true, which only goes with source")
        return self

    @property
    def options(self) -> Mapping[str, str]:
        """What parsers get."""
        return self.parser.model_dump(exclude_none=True)

    @property
    def root(self) -> Root:
        """The folder of `source`, with the glob in it, if there is one."""
        assert self.source is not None
        path, pattern = _split(self.source)
        return Root(
            path=path,
            prefix=f"{self.name}/{path.name if path.is_file() else ''}",
            patterns=Patterns(include=self.include, exclude=self.exclude, glob=pattern),
            sidecars=self.sidecars,
            options=self.options,
            access=self.access,
        )


def load_pipelines(folder: Path) -> list[Pipeline]:
    """Every pipeline of a folder, by name.

    Raises:
        ConfigError: There is none, or some are not valid; every mistake is named with its line.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise ConfigError(
            f"There is no pipeline file in {str(folder)!r}.",
            hint="Name what to ingest (`ragkit ingest PATH`), or set RAGKIT_PIPELINES to a folder of *.toml files.",
        )
    pipelines, mistakes = [], []
    for file in files:
        try:
            pipelines.append(load_pipeline(file))
        except ConfigError as error:
            mistakes.append(error.detail)
    if mistakes:
        raise ConfigError("\n".join(mistakes), hint=HINT)
    return pipelines


def load_pipeline(file: Path) -> Pipeline:
    """Read one pipeline file.

    Raises:
        ConfigError: It cannot be read, is not TOML, or keys are missing, unknown or wrong; the message has a line for
            each mistake, with its place in the file.
    """
    try:
        text = file.read_text("utf-8-sig")
        values = tomllib.loads(text)
        pipeline = Pipeline.model_validate(values)
    except OSError as error:
        raise ConfigError(f"The pipeline file {str(file)!r} cannot be read: {error.strerror}.", hint=HINT) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The pipeline file {str(file)!r} is not valid TOML: {error}.", hint=HINT) from error
    except ValidationError as error:
        raise ConfigError("\n".join(_mistakes(file, text, error)), hint=HINT) from error
    if pipeline.name:
        line = key_lines(text)["name",]
        raise ConfigError(
            f"In the pipeline file {str(file)!r}, line {line}: 'name' is not a key; the file has it.",
            hint=HINT,
        )
    here = file.parent
    placed: dict[str, Any] = {"name": file.stem}
    if pipeline.source is not None:
        placed["source"] = _placed(here, pipeline.source)
    if isinstance(pipeline.urls, Path):
        placed["urls"] = (here / pipeline.urls.expanduser()).resolve()
    return pipeline.model_copy(update=placed)


_SECTIONS = (Pipeline, ParserOptions, ChunkProfile, QualityPolicy, Retrieval)


def _mistakes(file: Path, text: str, error: ValidationError) -> Iterator[str]:
    """A sentence for each mistake, from the top of the file to its bottom."""
    lines = key_lines(text)
    found = []
    for mistake in error.errors():
        path: KeyPath = ()
        for part in mistake["loc"]:  # between the keys, pydantic names the types that it tried
            path = (*path, part) if (*path, part) in lines else path
        found.append((lines.get(path, 1), ".".join(map(str, path)), _said(mistake)))
    for line, key, what in sorted(found):
        yield f"In the pipeline file {str(file)!r}, line {line}: {repr(key) if key else 'the pipeline'} {what}."


def _said(mistake: Mapping[str, Any]) -> str:
    if mistake["type"] == "extra_forbidden":
        keys = [name for model in _SECTIONS for name in model.model_fields]
        close = difflib.get_close_matches(str(mistake["loc"][-1]), keys, n=1)
        return "is not a key" + (f"; {close[0]!r} is" if close else "")
    if mistake["type"] == "value_error":
        return str(mistake["msg"]).removeprefix("Value error, ")
    return f"cannot be {mistake['input']!r}: {mistake['msg'][:1].lower()}{mistake['msg'][1:]}"


def _placed(here: Path, source: Path) -> Path:
    path, pattern = _split(here / source.expanduser())
    return path.resolve() / pattern if pattern else path.resolve()


def _split(path: Path) -> tuple[Path, str | None]:
    """The fixed part of a glob, and the pattern below it; a path that exists is none, whatever its name."""
    if path.exists() or not _MAGIC.search(str(path)):
        return path, None
    first = next(index for index, part in enumerate(path.parts) if _MAGIC.search(part))
    return Path(*path.parts[:first]), "/".join(path.parts[first:])
