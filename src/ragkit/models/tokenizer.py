"""The embedder's own tokenizer, from its `tokenizer.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from tokenizers import Tokenizer as _Tokenizer

__all__ = ["ModelTokenizer", "encodable"]


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
        return [encoding.ids for encoding in self._inner.encode_batch_fast([encodable(text) for text in texts])]

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
