"""Passages against highlighted excerpts at the same budget of tokens, with the same embedding model: ragkit beside
LangChain's recursive splitter.

python -m benchmarks.chunking --data DIR [--home DIR] [--peers-venv DIR]

DIR is a folder of chunking_evaluation: questions_df.csv and corpora/. LangChain's chunks are embedded as they are and
searched exactly, at each size; ragkit's are found through the product, by dense search alone and by its default.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import embedded, record
from benchmarks.peers import CACHE, SIDES, ready
from ragkit.app import Ragkit
from ragkit.evaluate.chunking import Excerpts, Place, TokenText, measure, read_excerpts
from ragkit.evaluate.compare import means
from ragkit.evaluate.significance import paired
from ragkit.index.exact import ExactScan
from ragkit.models.embed import open_embedder
from ragkit.protocols import Embedder
from ragkit.settings import load
from ragkit.store.embeddings import VectorCache
from ragkit.store.engine import Database

BUDGETS = (400, 1_000)
SPLITS = ((300, 0), (500, 0), (800, 0), (1_000, 200))
"""Size and overlap in characters; the last is what LangChain's tutorials have."""
DEEP = 100
Values = dict[str, tuple[float | None, ...]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with questions_df.csv and corpora/")
    parser.add_argument("--peers-venv", type=Path, default=CACHE, help="made on the first run (2 GB)")
    parser.add_argument("--home", type=Path, help="a RAGKIT_HOME that stays, so that nothing is embedded twice")
    given = parser.parse_args()
    excerpts = read_excerpts(given.data)
    values: dict[str, dict[int, Values]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        settings = load(home=given.home or Path(scratch))
        with Ragkit.open(settings) as kit:
            for mode in ("dense", "hybrid"):
                values[f"ragkit {mode}"] = ours(kit, given.data, mode)
        embedder = open_embedder(settings.embedder, home=settings.home, backend=settings.embedder_backend)
        with closing(Database.open(f"sqlite:///{settings.home / 'ragkit.db'}")) as database:
            values |= peer(excerpts, embedder, VectorCache(database), ready(given.peers_venv), Path(scratch))
    results = {
        name: {str(budget): means({"": found})[0][""] for budget, found in by.items()} for name, by in values.items()
    }
    gains = {str(budget): against_best(values, budget) for budget in BUDGETS}
    parameters = {"questions": len(excerpts.questions), "dataset_sha256": excerpts.sha256, "splits": SPLITS}
    record("chunking", parameters=parameters, results={"by_budget": results, "less_langchain_at_its_best": gains})


def ours(kit: Ragkit, folder: Path, mode: Any) -> dict[int, Values]:
    """Through the product, at each budget."""
    found = {budget: kit.evaluate.chunking(folder, modes=(mode,), budget=budget) for budget in BUDGETS}
    return {budget: dict(kit.evaluate.per_question(run.id).values[mode]) for budget, run in found.items()}


def peer(
    excerpts: Excerpts, embedder: Embedder, cache: VectorCache, python: Path, scratch: Path
) -> dict[str, dict[int, Values]]:
    """LangChain's chunks at each size, nearest first."""
    source = scratch / "texts.json"
    source.write_text(json.dumps(dict(excerpts.corpora)), "utf-8")
    tokens = {name: TokenText(text, text) for name, text in excerpts.corpora.items()}
    queries = {question: embedder.embed_query(question) for question in excerpts.questions}
    found: dict[str, dict[int, Values]] = {}
    for size, overlap in SPLITS:
        command = [python, SIDES / "langchain_split.py", source, size, overlap]
        output = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
        places: list[Place] = [(name, start, end) for name, start, end in json.loads(output)]
        texts = [excerpts.corpora[name][start:end] for name, start, end in places]
        scan = ExactScan(list(map(str, range(len(places)))), embedded(texts, embedder, cache))

        def find(question: str, scan: ExactScan, places: Sequence[Place]) -> list[Place]:
            return [places[int(key)] for key, _ in scan.search(queries[question], k=DEEP)]

        nearest = partial(find, scan=scan, places=places)
        found[f"LangChain {size}/{overlap}"] = {
            budget: dict(measure(excerpts, tokens, {"": nearest}, budget=budget).values[""]) for budget in BUDGETS
        }
    return found


def against_best(values: dict[str, dict[int, Values]], budget: int) -> dict[str, Any]:
    """Each side of ours less LangChain at the size that is best at this budget by recall, paired."""
    peers = {name: by[budget] for name, by in values.items() if name.startswith("LangChain")}
    best = max(peers, key=lambda name: sum(value or 0.0 for value in peers[name]["recall"]))
    found: dict[str, Any] = {"best": best}
    for name, by in values.items():
        if name not in peers:
            found[name] = {
                key: asdict(paired([v or 0.0 for v in peers[best][key]], [v or 0.0 for v in by[budget][key]]))
                for key in ("recall", "IoU")
            }
    return found


if __name__ == "__main__":
    main()
