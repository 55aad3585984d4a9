"""Search with filters and access tags over 100,000 chunks: what is lost against an exact search, and what it takes.

python -m benchmarks.filters --data DIR [--chunks 100000] [--questions 200] [--home DIR]

The collection is made by the recipe of `benchmarks/made.py`, which takes some minutes; `--home` keeps it for the next
run and for `benchmarks/search.py`. What is found is held against the same search with every vector in scope compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.harness import folder, record
from benchmarks.made import COLLECTION, Recipe, make, questions
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections
from ragkit.index.keywords import TantivyIndex
from ragkit.index.vectors import ChromaVectors, connect
from ragkit.models.embed import open_embedder
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.filters import NARROW
from ragkit.retrieve.pipeline import Retriever
from ragkit.settings import load
from ragkit.store.engine import Database
from ragkit.types import Filters, Mode

MODES: tuple[Mode, ...] = ("dense", "keyword", "hybrid")
SCOPES: Mapping[str, tuple[Filters | None, tuple[str, ...] | None]] = {
    "everything": (None, None),
    "filter 1 %": (Filters(metadata={"shelf": "7"}), None),
    "filter 10 %": (Filters(metadata={"floor": "3"}), None),
    "filter 50 %": (Filters(metadata={"half": "1"}), None),
    "dates 1 %": (Filters(since="2026-03-01", until="2026-03-04"), None),
    "access 1 %": (None, ("team:7",)),
    "access 10 %": (None, ("group:3",)),
    "access 50 %": (None, ("staff",)),
    "access 50 % and filter 1 %": (Filters(metadata={"shelf": "7"}), ("staff",)),
}


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--chunks", type=int, default=Recipe().chunks)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    recipe = Recipe(chunks=given.chunks)
    with tempfile.TemporaryDirectory() as scratch:
        home: Path = given.home or Path(scratch)
        made_s = make(home, given.data, recipe)
        asked = questions(given.data, given.questions, seed=recipe.seed)
        results = {"made_s": made_s, "scopes": _measured(home, asked)}
    parameters = {"data": folder(given.data), "questions": given.questions, **asdict(recipe)}
    record("filters", parameters=parameters, results=results)


def _measured(home: Path, asked: Sequence[str]) -> dict[str, Any]:
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")
    collections, catalog = Collections(database), Catalog(database)
    generation = collections.get(COLLECTION)
    embedder = open_embedder(load(home=home).embedder, home=home)
    keywords = TantivyIndex(home / "keywords" / generation.store)
    connection = connect(home, None)
    vectors = ChromaVectors(
        connection, generation.store, generation.spec.dimension, lambda: catalog.live_vectors(generation)
    )

    def retriever(narrow: int, *, one_shot: bool) -> Retriever:
        dense = DenseSearch(
            embedder=lambda _: embedder, catalog=catalog, vectors=None if one_shot else lambda _: vectors
        )
        return Retriever(
            collections=collections,
            catalog=catalog,
            dense=dense,
            keywords=lambda _: keywords,
            reranker=None,
            narrow=narrow,
        )

    measured, exact = retriever(NARROW, one_shot=False), retriever(10**9, one_shot=True)
    results = {name: _scope(measured, exact, asked, *scope) for name, scope in SCOPES.items()}
    for each in (measured, exact):
        each.close()
    connection.close()
    database.close()
    return results


def _scope(
    measured: Retriever,
    exact: Retriever,
    asked: Sequence[str],
    filters: Filters | None,
    access: tuple[str, ...] | None,
) -> dict[str, Any]:
    """For each mode the times, and the share of the exact first ten that is found."""
    found: dict[str, Any] = {}
    for mode in MODES:
        times, recalls = [], []
        for number, question in enumerate(asked):
            how: dict[str, Any] = {"collection": COLLECTION, "mode": mode, "filters": filters, "access": access}
            began = time.perf_counter()
            hits = measured.search(question, **how).hits
            times.append(1e3 * (time.perf_counter() - began))
            # An exact search reads every vector in scope; that of all vectors is in `benchmarks/search.py`.
            if number % 8 == 0 and mode != "keyword" and (filters or access):
                truth = exact.search(question, **how).hits
                # Equal scores are equally right.
                least = truth[-1].score - 1e-4 if truth else 0.0
                recalls.append(sum(hit.score >= least for hit in hits) / max(len(truth), 1))
        times = times[len(times) // 10 :]  # warm
        ranked = sorted(times)
        found[mode] = {
            "p50_ms": round(statistics.median(ranked), 2),
            "p95_ms": round(ranked[int(0.95 * len(ranked))], 2),
            **({"recall@10": round(statistics.fmean(recalls), 4)} if recalls else {}),
        }
    return found


if __name__ == "__main__":
    main()
