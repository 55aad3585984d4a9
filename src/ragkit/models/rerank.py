"""Reordering hits with a cross-encoder, through sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ragkit.errors import ConfigError, MissingExtra
from ragkit.models.folder import slug
from ragkit.models.tokenizer import encodable
from ragkit.types import Hit

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

    from ragkit.protocols import Reranker

__all__ = ["CrossEncoderReranker", "open_cross_encoder"]

_BATCH = 16


def open_cross_encoder(name: str, *, home: Path) -> Reranker:
    """Load a cross-encoder.

    Args:
        name: The path of a model folder, or the name of one under `home/models`.
        home: `RAGKIT_HOME`.

    Raises:
        ConfigError: There is no such folder, or it cannot be loaded.
        MissingExtra: sentence-transformers is not installed.
    """
    for path in (Path(name).expanduser(), home / "models" / slug(name)):
        if (path / "config.json").is_file():
            return CrossEncoderReranker(name, path)
    raise ConfigError(
        f"RAGKIT_RERANKER is {name!r}, which is not the folder of a cross-encoder.",
        hint=f"Put the model's folder at {str(home / 'models' / slug(name))!r}, or unset RAGKIT_RERANKER.",
    )


class CrossEncoderReranker:
    """Scores question and passage together; safe to share between threads."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._model = _load(path)
        self._running = Lock()

    @property
    def name(self) -> str:
        return self._name

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The hits, best first, ranked from 1 and scored by the model; ties keep their order."""
        if not hits:
            return []
        with self._running:
            scores = self._model.predict(
                [(encodable(question), encodable(hit.text)) for hit in hits], batch_size=_BATCH, show_progress_bar=False
            )
        order = sorted(range(len(hits)), key=lambda row: -float(scores[row]))
        return [
            replace(hits[row], rank=rank, score=float(scores[row]), via=(*hits[row].via, "rerank"))
            for rank, row in enumerate(order, start=1)
        ]


def _load(path: Path) -> CrossEncoder:
    try:
        from sentence_transformers import CrossEncoder
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise MissingExtra(
            "The package 'sentence-transformers' is not installed.", hint="pip install 'ragkit[local]'"
        ) from error
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: CrossEncoder = CrossEncoder(str(path), device="cpu", local_files_only=True)
    except Exception as error:  # whatever the model's own code raises
        raise ConfigError(
            f"The cross-encoder {str(path)!r} cannot be loaded: {error}.",
            hint="RAGKIT_RERANKER takes a complete model folder.",
        ) from error
    return model
