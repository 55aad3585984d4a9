"""The work behind `ragkit tune`: the collection is searched at several weights by questions with known answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import InputError
from ragkit.evaluate.dataset import Dataset, meant, read_dataset
from ragkit.evaluate.golden import read_golden
from ragkit.evaluate.measures import ranking_measures
from ragkit.evaluate.retrieval import OnQuestion, folded
from ragkit.evaluate.tuning import OFFSETS, Tuning, tune

if TYPE_CHECKING:
    from ragkit.parts import Parts

__all__ = ["tune_collection"]

K = 50
"""Passages that are folded to ten documents."""


def tune_collection(parts: Parts, questions: Path, *, collection: str, split: str, on_question: OnQuestion) -> Tuning:
    """See `AsyncEvaluation.tune`."""
    generation = parts.collections.get(collection)
    dataset = read_dataset(questions, split=split) if questions.is_dir() else _of_golden(questions)
    ids = meant(dataset, [document.uri for document in parts.catalog.documents(collection=collection)])
    values = {}
    for number, offset in enumerate(OFFSETS):
        weighted = replace(generation, dense_offset=offset)
        rankings: dict[str, list[str]] = {}
        for done, (key, text) in enumerate(dataset.queries.items(), start=1):
            found = parts.retriever.search(text, collection=collection, k=K, generation=weighted)
            rankings[key] = folded(found.hits, lambda uri: ids.get(uri, uri))
            on_question(f"{number + 1}/{len(OFFSETS)}", done, len(dataset.queries))
        values[offset] = list(ranking_measures(dataset.qrels, rankings)["nDCG@10"].values())
    tuned = tune(collection, values)
    if tuned.kept:
        parts.collections.set_dense_offset(generation, tuned.offset)
    return tuned


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
