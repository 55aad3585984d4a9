"""Labelled statements held against their contexts, without a collection, as answers are held against what they cite."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.answer.citations import hold
from ragkit.evaluate.groundedness import Groundedness, read_labelled, summarise
from ragkit.ingest.chunking import fitting
from ragkit.parsed import Parsed
from ragkit.protocols import Chunker
from ragkit.reader import Reader
from ragkit.types import Hit

if TYPE_CHECKING:
    from ragkit.parts import Parts

__all__ = ["check_labelled", "passages_of"]


def check_labelled(parts: Parts, file: Path) -> Groundedness:
    """See `AsyncEvaluation.groundedness`."""
    began = time.perf_counter()
    examples = read_labelled(file)
    settings = parts.settings
    embedder = parts.embedder(settings.embedder)
    chunker = fitting(embedder, tokens=settings.chunk_tokens, overlap=0)
    reader = Reader(embedder)
    checks = [hold(one.statement, passages_of(one.context, chunker), reader) for one in examples]
    return summarise(
        file.stem,
        [one.label for one in examples],
        [check.verdict for check in checks],
        [check.score for check in checks],
        took_s=round(time.perf_counter() - began, 2),
    )


def passages_of(context: str, chunker: Chunker, *, title: str = "") -> tuple[Hit, ...]:
    """A text cut as ingestion cuts it."""
    pieces = chunker.split(Parsed(text=context, title=title, media_type="text/plain"))
    return tuple(
        Hit(
            rank=rank,
            score=1.0,
            via=(),
            document_id="",
            uri="",
            title=title,
            page=None,
            heading=piece.heading,
            chunk_id=str(rank),
            start=piece.start,
            end=piece.end,
            text=context[piece.start : piece.end],
        )
        for rank, piece in enumerate(pieces, start=1)
    )
