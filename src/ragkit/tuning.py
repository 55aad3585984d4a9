"""The work behind `ragkit tune`: the collection is searched at several weights by questions with known answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import InputError
from ragkit.evaluate.dataset import Dataset, meant, read_dataset
from ragkit.evaluate.golden import read_golden
from ragkit.evaluate.measures import ranking_measures
from ragkit.evaluate.retrieval import OnQuestion, folded
from ragkit.evaluate.synthesis import MOST, sections, synthesised
from ragkit.evaluate.tuning import OFFSETS, Tuning, tune

if TYPE_CHECKING:
    from ragkit.index.generations import Generation
    from ragkit.parts import Parts
    from ragkit.types import Hit

__all__ = ["tune_collection"]

K = 50
"""Passages that are folded to what was judged: ten documents, or sections."""
TRIED = 5
"""Passages that are looked at for a question: not of each one can be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Questions, and how what is found is compared with what was judged."""

    dataset: Dataset
    ranking: Callable[[Sequence[Hit]], list[str]]


def tune_collection(
    parts: Parts, questions: Path | None, *, collection: str, split: str, on_question: OnQuestion
) -> Tuning:
    """See `AsyncEvaluation.tune`."""
    generation = parts.collections.get(collection)
    asked = _made_up(parts, generation) if questions is None else _given(parts, questions, collection, split)
    dataset, values = asked.dataset, {}
    offsets = tuple(dict.fromkeys((*OFFSETS, generation.dense_offset)))
    for number, offset in enumerate(offsets):
        weighted = replace(generation, dense_offset=offset)
        rankings: dict[str, list[str]] = {}
        for done, (key, text) in enumerate(dataset.queries.items(), start=1):
            found = parts.retriever.search(text, collection=collection, k=K, generation=weighted)
            rankings[key] = asked.ranking(found.hits)
            on_question(f"{number + 1}/{len(offsets)}", done, len(dataset.queries))
        values[offset] = list(ranking_measures(dataset.qrels, rankings)["nDCG@10"].values())
    tuned = tune(collection, values, synthetic=questions is None, in_use=generation.dense_offset)
    if tuned.kept:
        parts.collections.tune(generation, dense_offset=tuned.offset)
    return tuned


def _given(parts: Parts, questions: Path, collection: str, split: str) -> _Asked:
    dataset = read_dataset(questions, split=split) if questions.is_dir() else _of_golden(questions)
    ids = meant(dataset, [document.uri for document in parts.catalog.documents(collection=collection)])
    return _Asked(dataset=dataset, ranking=lambda hits: folded(hits, lambda uri: ids.get(uri, uri)))


def _made_up(parts: Parts, generation: Generation) -> _Asked:
    """Questions out of passages; the order of their ids, which are hashes, is a random one that stays."""
    some = sorted(parts.catalog.live_chunks(generation))[: TRIED * MOST]
    live = parts.catalog.hits(generation, some)
    dataset = synthesised((live[key] for key in some if key in live), name=generation.collection)
    return _Asked(dataset=dataset, ranking=sections)


def _of_golden(file: Path) -> Dataset:
    """The questions that have an answer, with the documents that must be cited."""
    answerable = [one for one in read_golden(file) if one.must_cite]
    if not answerable:
        raise InputError(f"No question in {str(file)!r} says what must be cited.", hint="See data/golden/README.md.")
    judged: Mapping[str, Mapping[str, int]] = {
        str(number): dict.fromkeys(one.must_cite, 1) for number, one in enumerate(answerable, start=1)
    }
    texts = {str(number): one.question for number, one in enumerate(answerable, start=1)}
    return Dataset(name=file.name, split="", queries=texts, qrels=judged)
