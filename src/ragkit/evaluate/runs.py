"""Evaluations as values, and the catalog's table of them."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import insert, select

from ragkit.errors import NotFound
from ragkit.evaluate.significance import Difference
from ragkit.store.engine import Database
from ragkit.store.evaluations import evaluations
from ragkit.types import Failure

__all__ = ["Evaluation", "Evaluations", "Kind", "Made", "PerQuestion", "made_here"]

Kind = Literal["retrieval", "chunking", "golden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerQuestion:
    """The values behind the means, for paired comparison."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    values: Mapping[str, Mapping[str, tuple[float | None, ...]]]
    """By mode, by measure, in the order of `ids`; none where a measure is not about the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an evaluation was made with."""

    version: str
    commit: str | None
    """Of a checkout; `+changes` when its files differ from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One run of questions with known answers through the product."""

    id: str
    kind: Kind
    dataset: str
    dataset_sha256: str
    """Of the questions and what is right; runs compare when it is the same."""
    collection: str
    generation: int
    settings: Mapping[str, Any]
    """Whatever else the numbers depend on: embedder, chunker, split, how much was asked."""
    made: Made
    started_at: datetime
    took_s: float
    measures: Mapping[str, Mapping[str, float]]
    """Means by mode."""
    intervals: Mapping[str, Mapping[str, tuple[float, float]]]
    """Of each mean, 95 %, by bootstrap over the questions."""
    times: Mapping[str, Mapping[str, float]]
    """By mode: seconds for all questions (`took_s`), and a search's time in ms (`p50_ms`, `p95_ms`)."""
    gains: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)
    """Of the modes that combine: by measure against the better one of their parts, paired."""
    missing: tuple[Failure, ...] = ()
    """Documents that are not in the index: an answer that lies in one of them cannot be found."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers should know."""


class Evaluations:
    """Those that were stored, in the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, evaluation: Evaluation, per_question: PerQuestion) -> None:
        row = asdict(evaluation) | {"per_question": asdict(per_question)}
        with self._database.write() as connection:
            connection.execute(insert(evaluations).values(**row))

    def list(self, *, kind: Kind | None = None) -> tuple[Evaluation, ...]:
        """Newest first."""
        query = select(*_COLUMNS).order_by(evaluations.c.started_at.desc())
        if kind is not None:
            query = query.where(evaluations.c.kind == kind)
        with self._database.read() as connection:
            return tuple(_EVALUATION.validate_python(row._asdict()) for row in connection.execute(query))

    def get(self, evaluation_id: str) -> Evaluation:
        """One of them.

        Raises:
            NotFound: None has this id.
        """
        with self._database.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(evaluations.c.id == evaluation_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no evaluation {evaluation_id!r}.", hint="`ragkit evaluate runs` lists them.")
        return _EVALUATION.validate_python(row._asdict())

    def per_question(self, evaluation_id: str) -> PerQuestion:
        """The values behind its means.

        Raises:
            NotFound: None has this id.
        """
        self.get(evaluation_id)
        with self._database.read() as connection:
            query = select(evaluations.c.per_question).where(evaluations.c.id == evaluation_id)
            return _PER_QUESTION.validate_python(connection.execute(query).scalar_one())

    def before(self, evaluation: Evaluation) -> Evaluation:
        """The newest earlier one of the same questions.

        Raises:
            NotFound: It is the first.
        """
        for other in self.list(kind=evaluation.kind):
            if other.dataset_sha256 == evaluation.dataset_sha256 and other.started_at < evaluation.started_at:
                return other
        raise NotFound(f"There is no earlier evaluation of {evaluation.dataset!r} to compare with.")


_COLUMNS = [evaluations.c[part.name] for part in fields(Evaluation)]
_EVALUATION = TypeAdapter(Evaluation)
_PER_QUESTION = TypeAdapter(PerQuestion)


def new_id() -> str:
    return "eval_" + uuid.uuid4().hex[:12]


def made_here() -> Made:
    """This version, and in a checkout its commit."""
    checkout = Path(__file__).resolve().parents[3]
    return Made(version=version("ragkit"), commit=_commit(checkout) if (checkout / ".git").exists() else None)


def _commit(checkout: Path) -> str | None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(checkout), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--", "src") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
