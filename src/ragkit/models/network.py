"""Embedding behind the network, through LangChain's embeddings interface.

Texts go in batches, limited by count and by tokens. A batch that is refused for its size is split, one that fails is
sent again, and each is handed to `keep` as soon as it is there: what was paid for once is not sent again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tenacity import Retrying, before_sleep_log, retry_if_exception, stop_before_delay

from ragkit.errors import InputError, RagkitError, TooLarge, UpstreamError, UpstreamRateLimited
from ragkit.models.breaker import Breaker
from ragkit.models.patience import Patience, Wait
from ragkit.models.providers import explained, secrets_of, shown, status_of
from ragkit.models.tokenizer import encodable
from ragkit.protocols import EmbedderSpec, Tokenizer
from ragkit.tokens import token_spans

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from ragkit.protocols import Matrix, Vector

__all__ = ["Keep", "NetworkEmbedder"]

log = logging.getLogger(__name__)

Keep = Callable[[Sequence[str], "Matrix"], None]
"""Told of each finished batch: its texts and their unit vectors."""

BATCH_TEXTS, BATCH_TOKENS = 256, 100_000
QUERY_PATIENCE_S = 10.0

_TOO_MUCH = re.compile(r"too (?:long|large|many)|maximum (?:context|input)|context.?length|max_tokens|exceed", re.I)


class NetworkEmbedder:
    """An embedder over one of LangChain's; safe to share between threads.

    Args:
        model: LangChain's; it must not try again by itself.
        spec: The dimension that the provider was found to answer with, and how long its texts may be.
        patience: How long failures are borne.
        keep: Told of each batch of documents as it is there.
    """

    def __init__(
        self, model: Embeddings, *, spec: EmbedderSpec, patience: Patience | None = None, keep: Keep | None = None
    ) -> None:
        self._model = model
        self._spec = spec
        self._patience = patience or Patience()
        self._keep = keep
        self._secrets = secrets_of(model)
        self._breaker = Breaker(failures=self._patience.failures, rest_s=self._patience.rest_s)
        self._batch_texts = BATCH_TEXTS

    @property
    def spec(self) -> EmbedderSpec:
        return self._spec

    @property
    def tokenizer(self) -> Tokenizer:
        return _Estimate()

    def keeping(self, keep: Keep) -> NetworkEmbedder:
        """The same provider, with every batch of documents handed to `keep`."""
        other = NetworkEmbedder(self._model, spec=self._spec, patience=self._patience, keep=keep)
        other._breaker = self._breaker
        return other

    def close(self) -> None:
        """Close the connections, where the provider's package lets them be closed."""
        client = getattr(getattr(self._model, "client", None), "_client", None)
        if client is not None:
            client.close()

    def dimension(self) -> int:
        """Asked of the provider, by embedding a word."""
        vector: list[float] = self._patiently(self._patience, self._model.embed_query, "dimension")
        return len(vector)

    def embed_documents(self, texts: Sequence[str]) -> Matrix:
        """One row a text, in the order given.

        Raises:
            InputError: A text is longer than `spec.max_tokens`, or than the provider takes.
            ConfigError: The provider does not accept the key, or does not know the model.
            UpstreamError: It failed again and again; what it had answered until then was kept.
        """
        rows = np.empty((len(texts), self._spec.dimension), np.float32)
        for batch in self._batches(texts):
            self._embed(batch, [texts[row] for row in batch], rows)
        return rows

    def embed_query(self, text: str) -> Vector:
        """The vector of a question; of a text longer than `spec.max_tokens`, that of its beginning."""
        spans = self.tokenizer.spans(text)
        beginning = text[: spans[self._spec.max_tokens - 1][1]] if len(spans) > self._spec.max_tokens else text
        patience = replace(self._patience, total_s=min(QUERY_PATIENCE_S, self._patience.total_s))
        row: Vector = self._checked([self._patiently(patience, self._model.embed_query, _sendable(beginning))], 1)[0]
        return row

    def _batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Indexes of the texts of each batch, in order."""
        batch: list[int] = []
        tokens = 0
        for row, text in enumerate(texts):
            length = len(self.tokenizer.spans(text))
            if length > self._spec.max_tokens:
                raise InputError(f"A text of {length} tokens does not fit the embedder's {self._spec.max_tokens}.")
            if batch and (len(batch) >= self._batch_texts or tokens + length > BATCH_TOKENS):
                yield batch
                batch, tokens = [], 0
            batch.append(row)
            tokens += length
        if batch:
            yield batch

    def _embed(self, batch: list[int], texts: list[str], rows: Matrix) -> None:
        try:
            sent = [_sendable(text) for text in texts]
            vectors = self._checked(self._patiently(self._patience, self._model.embed_documents, sent), len(texts))
        except TooLarge:
            if len(texts) == 1:
                raise
            half = len(texts) // 2
            log.info("%r refused a batch of %d texts; it is split.", self._spec.name, len(texts))
            self._embed(batch[:half], texts[:half], rows)
            self._embed(batch[half:], texts[half:], rows)
            # Only now: where one text alone is too long, other batches may be as large as before.
            self._batch_texts = min(self._batch_texts, len(texts) - half)
            return
        if self._keep is not None:
            self._keep(texts, vectors)
        rows[batch] = vectors

    def _patiently(self, patience: Patience, call: Callable[[Any], Any], argument: object) -> Any:
        trying = Retrying(
            retry=retry_if_exception(lambda error: _passing(error) and not self._breaker.is_open),
            wait=Wait(patience),
            stop=stop_before_delay(patience.total_s),
            before_sleep=before_sleep_log(log, logging.INFO),
            reraise=True,
        )
        return trying(self._once, call, argument)

    def _once(self, call: Callable[[Any], Any], argument: object) -> Any:
        if not self._breaker.allows():
            raise UpstreamError(
                f"{self._spec.name!r} has failed {self._patience.failures} times in a row and is left alone for now.",
                hint="What was embedded is kept: run it again when the provider is back.",
            )
        try:
            result = call(argument)
        except Exception as error:  # the packages of the providers share no base class
            raise self._explained(error) from shown(error, self._secrets)
        self._breaker.succeeded()
        return result

    def _explained(self, error: Exception) -> RagkitError:
        name = self._spec.name
        status = status_of(error)
        if status == 413 or (status in {400, 422} and _TOO_MUCH.search(str(error))):
            self._breaker.succeeded()
            return TooLarge(f"{name!r} refuses a text for its length.", hint="Lower RAGKIT_CHUNK_TOKENS.")
        ours = explained(name, error, setting="RAGKIT_EMBEDDER", secrets=self._secrets)
        if not _passing(ours) or isinstance(ours, UpstreamRateLimited):
            self._breaker.succeeded()  # it is there
            return ours
        self._breaker.failed()
        if self._breaker.is_open:
            return UpstreamError(
                f"{name!r} failed {self._patience.failures} times in a row. The last time: {ours.detail}",
                hint="What was embedded is kept: run it again when the provider is back.",
            )
        return ours

    def _checked(self, vectors: Sequence[Sequence[float]], count: int) -> Matrix:
        matrix = np.asarray(vectors, np.float32)
        if matrix.shape != (count, self._spec.dimension) or not np.isfinite(matrix).all():
            raise UpstreamError(
                f"{self._spec.name!r} answered {count} texts with numbers of the shape {matrix.shape}; "
                f"{self._spec.dimension} for each were expected.",
                hint="Is it another model than before? Go back to that one; or remove "
                "RAGKIT_HOME/models/network-*.json, and `ragkit reindex` each collection with it.",
            )
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        return np.asarray(matrix / np.where(lengths > 0, lengths, 1), np.float32)


class _Estimate:
    """Tokens as tiktoken counts them: most providers do not say how their models do."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        # At the end of a text a space is a token of its own, which says nothing.
        return token_spans(text.rstrip())


def _sendable(text: str) -> str:
    """No provider takes half of a surrogate pair, and none embeds nothing at all."""
    return encodable(text) or " "


def _passing(error: BaseException) -> bool:
    return isinstance(error, UpstreamError)
