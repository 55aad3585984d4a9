"""Labelled statements held against their contexts, without a collection, as answers are held against what they cite."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.answer.checkers import checked_again
from ragkit.answer.citations import hold
from ragkit.answer.windows import claim_of, likeliest
from ragkit.evaluate.groundedness import Groundedness, Labelled, read_labelled, summarise
from ragkit.ingest.chunking import fitting
from ragkit.parsed import Parsed
from ragkit.protocols import Chunker
from ragkit.reader import Reader
from ragkit.types import Hit, Verdict
from ragkit.verdicts import BUILT_IN

if TYPE_CHECKING:
    from ragkit.answer.groundedness import Check
    from ragkit.parts import Parts
    from ragkit.threads import Threads

__all__ = ["check_labelled", "passages_of"]


async def check_labelled(parts: Parts, threads: Threads, file: Path) -> Groundedness:
    """See `AsyncEvaluation.groundedness`."""
    began = time.perf_counter()
    examples, held = await threads.run(_held, parts, file)
    checker = await threads.run(parts.checker)
    decided: list[tuple[Verdict, float, str]] = []
    for one, (own, passages) in zip(examples, held, strict=True):
        opinion = None if checker is None else await checked_again(own, one.statement, passages, checker)
        if checker is None or opinion is None or opinion.verdict is None:
            decided.append((own.verdict, own.score, BUILT_IN))
        else:
            decided.append((opinion.verdict, opinion.score, checker.name))
    return summarise(
        file.stem,
        [(one.statement, one.label) for one in examples],
        [verdict for verdict, _, _ in decided],
        [score for _, score, _ in decided],
        checked_by=[by for _, _, by in decided],
        took_s=round(time.perf_counter() - began, 2),
    )


def _held(parts: Parts, file: Path) -> tuple[list[Labelled], list[tuple[Check, Sequence[Hit]]]]:
    """What the built-in check says of each, with the passages that a stronger one may look at."""
    examples = read_labelled(file)
    settings = parts.settings
    embedder = parts.embedder(settings.embedder)
    chunker = fitting(embedder, tokens=settings.chunk_tokens, overlap=0)
    reader = Reader(embedder)
    held: list[tuple[Check, Sequence[Hit]]] = []
    for one in examples:
        passages = likeliest(claim_of(one.statement), passages_of(one.context, chunker))
        held.append((hold(one.statement, passages, reader), passages))
    return examples, held


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
