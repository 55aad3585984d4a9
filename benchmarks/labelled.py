"""Statements with the passages that they are held against, of which it is known whether those support them."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.injected import Passage, corrupted, inject
from ragkit.checking import passages_of
from ragkit.evaluate.groundedness import Label
from ragkit.ingest.chunking import fitting
from ragkit.protocols import Embedder, TokenEmbedder, TokenVectors
from ragkit.settings import load
from ragkit.types import Hit

__all__ = ["EACH", "TESTED", "Example", "Remembering", "Sets"]

TESTED = ("scifact_validation", "wice_dev")
FIT_SEED, TEST_SEED, HARD_SEED = 7, 8, 9
EACH = 100
"""Pairs of a kind of injected error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A statement with the passages that it is held against."""

    statement: str
    passages: tuple[Hit, ...]
    label: Label
    kind: str


class Remembering:
    """An embedder that is asked for the tokens of a text once."""

    def __init__(self, embedder: Embedder, folder: Path | None) -> None:
        assert isinstance(embedder, TokenEmbedder)
        self._embedder = embedder
        self._file = folder / "tokens.pkl" if folder else None
        self._known: dict[str, TokenVectors] = {}
        if self._file and self._file.exists():
            self._known = {
                text: TokenVectors(spans=spans, rows=rows.astype(np.float32))
                for text, (spans, rows) in pickle.loads(self._file.read_bytes()).items()
            }
        self.spec, self.tokenizer = embedder.spec, embedder.tokenizer
        self.embed_documents, self.embed_query = embedder.embed_documents, embedder.embed_query

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._embedder.embed_tokens(new), strict=True))
        return [self._known[text] for text in texts]

    def keep(self) -> None:
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            rows = {text: (list(one.spans), one.rows.astype(np.float16)) for text, one in self._known.items()}
            self._file.write_bytes(pickle.dumps(rows))


class Sets:
    """Examples by where they are from."""

    def __init__(self, data: Path, embedder: Embedder) -> None:
        self._data = data
        self._chunker = fitting(embedder, tokens=load().chunk_tokens, overlap=0)

    def labelled(self, name: str) -> list[Example]:
        rows = (self._data / "groundedness" / f"{name}.jsonl").read_text("utf-8").splitlines()
        return [
            Example(
                statement=row["statement"],
                passages=passages_of(row["context"], self._chunker),
                label=row["label"],
                kind=row["raw_label"],
            )
            for row in map(json.loads, rows)
        ]

    def injected(self, *, fitting: bool) -> list[Example]:
        """Into half of the articles of SQuAD 2.0."""
        rows = [json.loads(row) for row in (self._data / "squad2" / "corpus.jsonl").read_text("utf-8").splitlines()]
        articles = sorted({row["title"] for row in rows})
        half = set(articles[0::2] if fitting else articles[1::2])
        passages = [Passage(title=row["title"], text=row["text"]) for row in rows if row["title"] in half]
        return [
            Example(
                statement=one.text,
                passages=passages_of(one.passage.text, self._chunker, title=one.passage.title),
                label="supported" if one.supported else "unsupported",
                kind=one.kind,
            )
            for one in inject(passages, each=EACH, seed=FIT_SEED if fitting else TEST_SEED)
        ]

    def paraphrased(self) -> Iterator[Example]:
        """Into supported statements that people wrote; those themselves, too."""
        rng = random.Random(HARD_SEED)
        supported = [one for name in TESTED for one in self.labelled(name) if one.label == "supported"]
        names = sorted({word for one in supported for word in one.statement.split()[1:] if word.istitle()})
        for one in supported:
            context = "\n".join(hit.text for hit in one.passages)
            errors = list(corrupted(one.statement, context, names, rng))
            if errors:
                yield Example(statement=one.statement, passages=one.passages, label="supported", kind="none")
            for kind, wrong in errors:
                yield Example(statement=wrong, passages=one.passages, label="unsupported", kind=kind)
