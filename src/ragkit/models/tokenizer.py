"""The embedder's own tokenizer, from its `tokenizer.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragkit.errors import ConfigError, MissingExtra
from ragkit.protocols import TokenVectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer as _Tokenizer

    from ragkit.protocols import Matrix

__all__ = ["ModelTokenizer", "encodable", "located"]


class ModelTokenizer:
    """Reads `tokenizer.json`; never truncates and never pads."""

    def __init__(self, file: Path) -> None:
        self._inner = _load(file)
        self.specials: int = self._inner.num_special_tokens_to_add(False)
        self.pad_id: int = (self._inner.padding or {}).get("pad_id", 0)
        self._inner.no_truncation()
        self._inner.no_padding()

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return list(self._inner.encode(encodable(text), add_special_tokens=False).offsets)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included."""
        if len(texts) == 1:  # a batch is handed to other threads
            return [self._inner.encode(encodable(texts[0])).ids]
        return [encoding.ids for encoding in self._inner.encode_batch_fast([encodable(text) for text in texts])]

    def placed(self, text: str, limit: int) -> dict[int, tuple[int, int]]:
        """The characters of each token by its place among the first `limit` of `ids`, special tokens left out."""
        encoding = self._inner.encode(encodable(text))
        last = len(encoding.ids) if len(encoding.ids) <= limit else limit - 1  # the closing special token
        special, offsets = encoding.special_tokens_mask, encoding.offsets  # each is made anew when it is asked for
        return {place: offsets[place] for place in range(last) if not special[place]}

    def shortened(self, ids: list[int], limit: int) -> list[int]:
        """At most the first `limit` tokens, the closing special token kept."""
        if len(ids) <= limit:
            return ids
        closing = ids[-1:] if self.specials > 1 else []
        return ids[: limit - len(closing)] + closing


def _load(file: Path) -> _Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra("The package 'tokenizers' is not installed.", hint="pip install 'ragkit[local]'") from error
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise ConfigError(
            f"The tokenizer {str(file)!r} cannot be read: {error}.",
            hint="RAGKIT_EMBEDDER needs a model with a tokenizer.json.",
        ) from error


def encodable(text: str) -> str:
    """The same number of code points, with a question mark for each lone surrogate, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def located(placed: Mapping[int, tuple[int, int]], states: Matrix, *, prefix: int) -> TokenVectors:
    """The states of a text's own tokens, those of the first `prefix` characters left out.

    Args:
        placed: From `ModelTokenizer.placed`.
        states: A row a token, special tokens and prefix included.
        prefix: Characters that were put before the text.
    """
    own = {place: (start - prefix, end - prefix) for place, (start, end) in placed.items() if start >= prefix}
    rows = np.asarray(states[list(own)], np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return TokenVectors(spans=list(own.values()), rows=np.asarray(rows / np.maximum(lengths, 1e-9), np.float32))
