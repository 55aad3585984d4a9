"""Embedding through sentence-transformers and torch: any model that they know, at the price of their start-up."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ragkit.errors import ConfigError, InputError, MissingExtra
from ragkit.models.folder import ModelFolder
from ragkit.models.tokenizer import ModelTokenizer, encodable, located
from ragkit.protocols import EmbedderSpec, Tokenizer, TokenVectors
from ragkit.threads import Together

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from ragkit.protocols import Matrix, Vector

__all__ = ["TorchEmbedder"]

_BATCH = 16


class TorchEmbedder:
    """An embedder over a sentence-transformers folder; safe to share between threads.

    On a CPU that computes in bfloat16 the matrix products run in it (autocast), sums and norms stay in float32.

    Raises:
        MissingExtra: sentence-transformers is not installed.
        ConfigError: The folder cannot be loaded.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self._tokenizer = ModelTokenizer(folder.path / "tokenizer.json")
        self._spec = folder.spec(sha256=folder.sha256(), specials=self._tokenizer.specials)
        self._model = _load(folder)
        self._half = _computes_in_bfloat16()
        self._running = Lock()
        self._query = Together(self._encode, most=_BATCH)

    @property
    def spec(self) -> EmbedderSpec:
        return self._spec

    @property
    def tokenizer(self) -> Tokenizer:
        return self._tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Matrix:
        """One row a text, in the order given.

        Raises:
            InputError: A text is longer than `spec.max_tokens`.
        """
        if not texts:
            return np.empty((0, self._spec.dimension), np.float32)
        prefixed = [self._spec.document_prefix + text for text in texts]
        longest = max(map(len, self._tokenizer.ids(prefixed))) - self._tokenizer.specials
        if longest > self._spec.max_tokens:
            raise InputError(f"A text of {longest} tokens does not fit the embedder's {self._spec.max_tokens}.")
        return self._encode(prefixed)

    def embed_query(self, text: str) -> Vector:
        """The vector of a question; of a text longer than `spec.max_tokens`, that of its beginning.

        Questions of several threads are embedded together.
        """
        vector: Vector = self._query(self._spec.query_prefix + text)
        return vector

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The tokens of each text; of one longer than `spec.max_tokens`, those of its beginning."""
        prefix, limit = self._spec.document_prefix, self._spec.max_tokens + self._tokenizer.specials
        prefixed = [prefix + text for text in texts]
        states = self._run(prefixed, output="token_embeddings") if texts else []
        return [
            located(self._tokenizer.placed(text, limit), state.float().numpy(), prefix=len(prefix))
            for text, state in zip(prefixed, states, strict=True)
        ]

    def _run(self, texts: Sequence[str], *, output: Literal["sentence_embedding", "token_embeddings"]) -> Any:
        import torch

        half = torch.autocast("cpu", dtype=torch.bfloat16) if self._half else contextlib.nullcontext()
        with self._running, torch.inference_mode(), half:
            return self._model.encode(
                [encodable(text) for text in texts],
                batch_size=_BATCH,
                prompt="",
                show_progress_bar=False,
                output_value=output,
            )

    def _encode(self, texts: Sequence[str]) -> Matrix:
        rows = np.asarray(self._run(texts, output="sentence_embedding"), np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _load(folder: ModelFolder) -> SentenceTransformer:
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise MissingExtra(
            "The package 'sentence-transformers' is not installed.", hint="pip install 'ragkit[local]'"
        ) from error
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(str(folder.path), device="cpu", local_files_only=True).eval()
    except Exception as error:  # whatever the model's own code raises
        raise ConfigError(
            f"The embedding model {str(folder.path)!r} cannot be loaded: {error}.",
            hint="RAGKIT_EMBEDDER takes a complete sentence-transformers folder.",
        ) from error


def _computes_in_bfloat16() -> bool:
    import torch

    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch gives it no public name yet
    return bool(probe and probe())
