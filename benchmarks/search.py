"""Search in one warm process: its times by mode, what HNSW misses, and how many searches a second 32 callers get.

python -m benchmarks.search --data DIR [--chunks 100000] [--home DIR]

The collection is made by the recipe of `benchmarks/made.py`, which takes some minutes (of 1,000,000 chunks about an
hour and 10 GB of disk, with `--name search-1m`); `--home` keeps it for the next run and for `benchmarks/filters.py`.
Each question is asked once, so that nothing is remembered of it. `opened_s` is what the first question waits for.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import psutil

from benchmarks.harness import folder, record
from benchmarks.made import COLLECTION, Recipe, make, questions
from ragkit.app import Ragkit
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections
from ragkit.index.resident import load_scan
from ragkit.models.embed import open_embedder
from ragkit.protocols import Embedder
from ragkit.settings import load
from ragkit.store.engine import Database
from ragkit.types import Mode

K = 10
WARM = 100
CALLERS = 32


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--chunks", type=int, default=Recipe().chunks)
    parser.add_argument("--questions", type=int, default=500, help="for each mode")
    parser.add_argument(
        "--recall", type=int, default=200, help="questions whose nearest passages are looked up exactly"
    )
    parser.add_argument("--home", type=Path)
    parser.add_argument("--name", default="search", help="of the result")
    given = parser.parse_args()
    recipe = Recipe(chunks=given.chunks)
    with tempfile.TemporaryDirectory() as scratch:
        home: Path = given.home or Path(scratch)
        made_s = make(home, given.data, recipe)
        modes: tuple[Mode, ...] = get_args(Mode)
        asked = questions(given.data, (len(modes) + 2) * given.questions, seed=recipe.seed)
        parts = [asked[start : start + given.questions] for start in range(0, len(asked), given.questions)]
        with Ragkit.open(load(home=home, collection=COLLECTION)) as kit:
            results: dict[str, Any] = {"made_s": made_s, "disk_mb": _disk_mb(home)}
            results["opened_s"] = round(_took_ms(kit.search, parts[-1][0]) / 1e3, 2)
            _times(kit, parts[-1][:WARM], "hybrid+rerank")
            results |= {mode: _times(kit, part, mode) for mode, part in zip(modes, parts, strict=False)}
            results["searches a second"] = _throughput(kit, [*parts[-2], *parts[-1]])
            results["memory_mb"] = _memory_mb()
            embedder = open_embedder(load(home=home).embedder, home=home)
            results["query embedding"] = _spread([_took_ms(embedder.embed_query, question) for question in parts[0]])
            results["recall@10 of the vectors"] = _recall(kit, home, embedder, parts[0][: given.recall])
    parameters = {"data": folder(given.data), "chunks": given.chunks, "seed": recipe.seed, "questions": given.questions}
    record(given.name, parameters=parameters | {"callers": CALLERS, "unit": "milliseconds"}, results=results)


def _times(kit: Ragkit, asked: Sequence[str], mode: Mode) -> dict[str, float]:
    return _spread([kit.search(question, k=K, mode=mode).took_ms for question in asked])


def _took_ms(work: Callable[[str], object], question: str) -> float:
    started = time.perf_counter()
    work(question)
    return 1e3 * (time.perf_counter() - started)


def _spread(took_ms: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took_ms, n=20)
    return {"p50": round(cuts[9], 2), "p95": round(cuts[18], 2)}


def _throughput(kit: Ragkit, asked: Sequence[str]) -> float:
    with ThreadPoolExecutor(max_workers=CALLERS) as callers:
        started = time.perf_counter()
        done = sum(1 for _ in callers.map(lambda question: kit.search(question, k=K), asked))
        return round(done / (time.perf_counter() - started), 1)


def _recall(kit: Ragkit, home: Path, embedder: Embedder, asked: Sequence[str]) -> float:
    """Of the ten nearest passages, the share that dense search finds."""
    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
        scan = load_scan(Catalog(database), Collections(database).get(COLLECTION))
    shares = []
    for question in asked:
        exact = [score for _, score in scan.search(embedder.embed_query(question), k=K)]
        found = [hit.score for hit in kit.search(question, k=K, mode="dense").hits]
        # By cosine, not by id: equal passages are equally near.
        shares.append(sum(score >= exact[-1] - 1e-3 for score in found) / len(exact))
    return round(statistics.fmean(shares), 4)


def _disk_mb(home: Path) -> dict[str, float]:
    parts = {"catalog": "ragkit.db*", "chroma": "chroma/**/*", "keywords": "keywords/**/*"}
    return {
        name: round(sum(file.stat().st_size for file in home.glob(pattern) if file.is_file()) / 1e6, 1)
        for name, pattern in parts.items()
    }


def _memory_mb() -> dict[str, float]:
    """Resident memory of this process and of Chroma's server."""
    this = psutil.Process()
    server = sum(child.memory_info().rss for child in this.children(recursive=True))
    return {"ragkit": round(this.memory_info().rss / 1e6, 1), "chroma": round(server / 1e6, 1)}


if __name__ == "__main__":
    main()
