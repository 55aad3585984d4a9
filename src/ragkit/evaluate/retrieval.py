"""Search measured by judged questions: passages are folded back to the documents that hold them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from ragkit.errors import InputError
from ragkit.evaluate.dataset import Dataset
from ragkit.evaluate.measures import DEPTH, ranking_measures
from ragkit.evaluate.runs import PerQuestion
from ragkit.types import Hit, Mode, SearchResult

__all__ = ["Measured", "OnQuestion", "Search", "folded", "measure", "spread"]

PASSAGES = (200, 1_000)
"""How many passages are asked for; the second number where the first holds fewer than 100 documents."""
TIMED, TIMED_K = 100, 10
"""Questions that are timed, as a user asks them: each once more, for ten passages."""

Search = Callable[[str, int, Mode], SearchResult]
"""Query, k, mode."""


OnQuestion = Callable[[str, int, int], None]
"""Told after each question: the mode, how many are done, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the modes of search are worth."""

    per_question: PerQuestion
    times: Mapping[str, Mapping[str, float]]
    """By mode: seconds for all questions, and a search's median and 95th percentile in ms in a warm process."""
    notes: tuple[str, ...]


def measure(
    dataset: Dataset,
    search: Search,
    modes: Sequence[Mode],
    *,
    document_of: Callable[[str], str],
    on_question: OnQuestion = lambda mode, done, total: None,
) -> Measured:
    """Ask every question in every mode.

    Args:
        dataset: What is asked.
        search: Finds passages.
        modes: How.
        document_of: The judged id of the document at a uri.
        on_question: Called after each.
    """
    times: dict[str, dict[str, float]] = {}
    notes: list[str] = []
    values: dict[str, dict[str, tuple[float | None, ...]]] = {}
    for mode in modes:
        started = time.perf_counter()
        rankings: dict[str, list[str]] = {}
        refused: list[str] = []
        for done, (key, text) in enumerate(dataset.queries.items(), start=1):
            try:
                rankings[key] = _ranking(search, text, mode, document_of)
            except InputError as error:
                refused.append(f"{key!r}: {error.detail}")
            on_question(mode, done, len(dataset.queries))
        took_s = round(time.perf_counter() - started, 2)
        times[mode] = {"took_s": took_s} | _timed(search, [dataset.queries[key] for key in rankings], mode)
        if refused:
            notes.append(f"{mode}: {len(refused)} questions were refused and count as not found; {refused[0]}")
        by_query = ranking_measures(dataset.qrels, rankings)
        values[mode] = {
            name: tuple(round(found[key], 5) for key in dataset.queries) for name, found in by_query.items()
        }
    ids, texts = tuple(dataset.queries), tuple(dataset.queries.values())
    return Measured(per_question=PerQuestion(ids=ids, texts=texts, values=values), times=times, notes=tuple(notes))


def folded(hits: Sequence[Hit], document_of: Callable[[str], str]) -> list[str]:
    """The documents of passages, each at its best passage; a passage that several hold brings them all."""
    uris = (uri for hit in hits for uri in (hit.uri, *hit.also_in))
    return list(dict.fromkeys(map(document_of, uris)))


def _ranking(search: Search, text: str, mode: Mode, document_of: Callable[[str], str]) -> list[str]:
    documents: list[str] = []
    for k in PASSAGES:
        hits = search(text, k, mode).hits
        documents = folded(hits, document_of)
        if len(documents) >= DEPTH or len(hits) < k:
            break
    return documents[:DEPTH]


def _timed(search: Search, queries: Sequence[str], mode: Mode) -> dict[str, float]:
    step = max(1, len(queries) // TIMED)
    return spread([search(query, TIMED_K, mode).took_ms for query in queries[::step][:TIMED]])


def spread(took_ms: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    if len(took_ms) < 2:
        return {}
    cuts = quantiles(took_ms, n=20, method="inclusive")
    return {"p50_ms": round(cuts[9], 2), "p95_ms": round(cuts[18], 2)}
