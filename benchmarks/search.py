"""Search in one warm process: its times by mode, what HNSW misses, and how many searches a second 32 callers get.

python -m benchmarks.search --data DIR [--chunks 100000] [--home DIR]

The documents are sentences of the corpora below `DIR` (`corpus.jsonl`, as BEIR has it), drawn and put in a new order by
a seed; a passage has 32 tokens, so that 100,000 of them are embedded in minutes. A question is every other word of a
sentence. `--home` keeps what was ingested for the next run.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

from benchmarks.harness import BIN, environment, folder, measure, record
from ragkit.app import Ragkit
from ragkit.evaluate.dataset import read_corpus
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections
from ragkit.index.resident import load_scan
from ragkit.models.embed import open_embedder
from ragkit.settings import load
from ragkit.store.engine import Database
from ragkit.text import sentences
from ragkit.types import Mode

CHUNK_TOKENS = "32"
SENTENCES = 100
"""Of a document."""
WORDS = range(6, 24)
"""Of a sentence that is drawn; about one makes a passage."""
K = 10
WARM = 50
CALLERS = 32


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=100_000, help="about this many")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = given.home or Path(name) / "home"
        drawn = _drawn(given.data, random.Random(given.seed))
        if not (home / "ragkit.db").is_file():
            _ingest(home, Path(name) / "files", drawn, given.chunks)
        questions = [_question(sentence) for sentence, _ in zip(drawn, range(given.questions), strict=False)]
        settings = load(home=home, chunk_tokens=int(CHUNK_TOKENS))
        with Ragkit.open(settings) as kit:
            results: dict[str, Any] = {mode: _times(kit, questions, mode) for mode in get_args(Mode)}
            results["searches a second"] = _throughput(kit, questions)
            results["recall@10 of the vectors"] = _recall(kit, home, questions[:200])
    parameters = {"data": folder(given.data), "chunks": given.chunks, "seed": given.seed, "questions": len(questions)}
    record("search", parameters=parameters | {"callers": CALLERS, "unit": "milliseconds"}, results=results)


def _drawn(data: Path, rng: random.Random) -> Iterator[str]:
    """Sentences of all corpora in a random order, again and again."""
    texts = [p.text for file in sorted(data.rglob("corpus.jsonl")) for p in read_corpus(file.parent)[0]]
    found = [" ".join(text[start:end].split()) for text in texts for start, end in sentences(text)]
    kept = [sentence for sentence in dict.fromkeys(found) if len(sentence.split()) in WORDS]
    while True:
        rng.shuffle(kept)
        yield from kept


def _ingest(home: Path, files: Path, drawn: Iterator[str], chunks: int) -> None:
    home.mkdir(parents=True, exist_ok=True)
    files.mkdir()
    for number in range(chunks // SENTENCES):
        text = "\n\n".join(next(drawn) for _ in range(SENTENCES))
        (files / f"{number:05}.txt").write_text(text + "\n", encoding="utf-8")
    env = environment(home) | {"RAGKIT_CHUNK_TOKENS": CHUNK_TOKENS}
    json.loads(measure([BIN / "ragkit", "ingest", files, "--json"], env=env).stdout)


def _question(sentence: str) -> str:
    return " ".join(sentence.split()[::2])


def _times(kit: Ragkit, questions: Sequence[str], mode: Mode) -> dict[str, float]:
    for question in questions[:WARM]:
        kit.search(question, k=K, mode=mode)
    if mode == "hybrid+rerank":  # what it keeps of passages is made at the first search that meets them
        questions = questions[:WARM] * (len(questions) // WARM)
    cuts = statistics.quantiles([kit.search(question, k=K, mode=mode).took_ms for question in questions], n=20)
    return {"p50": round(cuts[9], 2), "p95": round(cuts[18], 2)}


def _throughput(kit: Ragkit, questions: Sequence[str]) -> float:
    with ThreadPoolExecutor(max_workers=CALLERS) as callers:
        started = time.perf_counter()
        done = sum(1 for _ in callers.map(lambda question: kit.search(question, k=K), [*questions] * 4))
        return round(done / (time.perf_counter() - started), 1)


def _recall(kit: Ragkit, home: Path, questions: Sequence[str]) -> float:
    """Of the ten nearest passages, the share that dense search finds."""
    embedder = open_embedder(load().embedder, home=home)
    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
        scan = load_scan(Catalog(database), Collections(database).get("default"))
    shares = []
    for question in questions:
        exact = [score for _, score in scan.search(embedder.embed_query(question), k=K)]
        found = [hit.score for hit in kit.search(question, k=K, mode="dense").hits]
        # By cosine, not by id: equal sentences are equally near.
        shares.append(sum(score >= exact[-1] - 1e-3 for score in found) / len(exact))
    return round(statistics.fmean(shares), 4)


if __name__ == "__main__":
    main()
