"""Reordering hits with a model in a folder: a cross-encoder, or one that compares token by token (ColBERT)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ragkit.errors import ConfigError, MissingExtra
from ragkit.models.folder import ModelFolder, slug
from ragkit.models.tokenizer import encodable
from ragkit.types import Hit

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, MultiVectorEncoder

    from ragkit.protocols import Reranker

__all__ = ["CrossEncoderReranker", "MultiVectorReranker", "open_reranking_model"]

_BATCH = 16
_TAKES = "RAGKIT_RERANKER takes the complete folder of a cross-encoder or of a ColBERT-like model."


def open_reranking_model(name: str, *, home: Path) -> Reranker:
    """Load a cross-encoder or a ColBERT-like model.

    Args:
        name: The path of a model folder, or the name of one under `home/models`.
        home: `RAGKIT_HOME`.

    Raises:
        ConfigError: There is no such folder, it is of another kind of model, or it cannot be loaded.
        MissingExtra: sentence-transformers is not installed, or too old for this model.
    """
    for path in (Path(name).expanduser(), home / "models" / slug(name)):
        if (path / "config.json").is_file() or (path / "modules.json").is_file():
            return _opened(name, path)
    raise ConfigError(
        f"RAGKIT_RERANKER is {name!r}, which is not the folder of a cross-encoder or of a ColBERT-like model.",
        hint=f"Put the model's folder at {str(home / 'models' / slug(name))!r}, set 'llm' for the language model, or "
        "unset RAGKIT_RERANKER for the built-in one.",
    )


class CrossEncoderReranker:
    """Scores question and passage together; safe to share between threads."""

    def __init__(self, name: str, model: CrossEncoder) -> None:
        self._name = name
        self._model = model
        self._running = Lock()

    @property
    def name(self) -> str:
        return self._name

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The hits, best first, ranked from 1 and scored by the model; ties keep their order."""
        if not hits:
            return []
        pairs = [(encodable(question), encodable(hit.text)) for hit in hits]
        with self._running:
            scores = self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
        return _ordered(hits, [float(score) for score in scores])


class MultiVectorReranker:
    """Scores a passage by the best match of each token of the question in it; safe to share between threads.

    MaxSim over the vectors of a model that was trained for it: ColBERT (Khattab and Zaharia, SIGIR 2020) and its kin.
    """

    def __init__(self, name: str, model: MultiVectorEncoder) -> None:
        self._name = name
        self._model = model
        self._running = Lock()

    @property
    def name(self) -> str:
        return self._name

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The hits, best first, ranked from 1 and scored by the model; ties keep their order."""
        if not hits:
            return []
        passages = [encodable(hit.text) for hit in hits]
        with self._running:
            asked = self._model.encode_query([encodable(question)], show_progress_bar=False)
            told = self._model.encode_document(passages, batch_size=_BATCH, show_progress_bar=False)
            scores = self._model.similarity(asked, told)[0].tolist()
        return _ordered(hits, scores)


def _ordered(hits: Sequence[Hit], scores: Sequence[float]) -> list[Hit]:
    order = sorted(range(len(hits)), key=lambda row: -scores[row])
    return [
        replace(hits[row], rank=rank, score=scores[row], via=(*hits[row].via, "rerank"))
        for rank, row in enumerate(order, start=1)
    ]


def _opened(name: str, path: Path) -> Reranker:
    folder = ModelFolder(name=name, path=path)
    if folder.kind == "embedding":
        raise ConfigError(
            f"{str(path)!r} is an embedding model, with a vector a text: it cannot rerank.",
            hint=f"{_TAKES} The built-in reranker uses the embedding model already.",
        )
    try:
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        return _multi_vector(name, path) if folder.kind == "multi-vector" else _cross_encoder(name, path)
    except ImportError as error:
        raise MissingExtra(
            f"The reranker {name!r} needs the package 'sentence-transformers' in version 6.2 or later.",
            hint="pip install -U 'ragkit[local]'",
        ) from error
    except Exception as error:  # whatever the model's own code raises
        raise ConfigError(f"The reranker {str(path)!r} cannot be loaded: {error}.", hint=_TAKES) from error


def _cross_encoder(name: str, path: Path) -> Reranker:
    from sentence_transformers import CrossEncoder

    return CrossEncoderReranker(name, CrossEncoder(str(path), device="cpu", local_files_only=True))


def _multi_vector(name: str, path: Path) -> Reranker:
    from sentence_transformers import MultiVectorEncoder

    return MultiVectorReranker(name, MultiVectorEncoder(str(path), device="cpu", local_files_only=True))
