"""Search with filters and access tags over 100,000 chunks: what is lost against an exact search, and what it takes.

python -m benchmarks.filters --data DIR [--chunks 100000] [--questions 200] [--real 2000]

A sample of passages of squad2 and scifact is embedded; every other chunk is made of two of them: half of the text of
each, and a seeded mixture of their vectors with noise, since to embed 100,000 passages takes two cores a quarter of an
hour. A document has five chunks, and metadata and access tags drawn with the same seed. Chunks go into the catalog as
ingestion puts them there; Chroma fills itself from it. `exact` is the same search with every vector in scope compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness import new_home, record
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections, Generation
from ragkit.index.keywords import TantivyIndex
from ragkit.index.ledger import Attempt, Finding, Ledger
from ragkit.index.vectors import ChromaVectors, connect
from ragkit.index.versions import NewChunk, NewVersion, Versions
from ragkit.models.embed import open_embedder
from ragkit.parsed import Parsed
from ragkit.retrieve.dense import DenseSearch
from ragkit.retrieve.filters import NARROW
from ragkit.retrieve.pipeline import Retriever
from ragkit.settings import load
from ragkit.store.engine import Database
from ragkit.types import Chunk, Filters, Mode

if TYPE_CHECKING:
    from ragkit.protocols import Embedder, Matrix, Vector

SETS = ("squad2", "scifact")
SEED = 20
PER_DOCUMENT = 5
TOKENS = 150
"""Of a passage at most."""
BATCH = 400
MODES: tuple[Mode, ...] = ("dense", "keyword", "hybrid")
SCOPES: Mapping[str, tuple[Filters | None, tuple[str, ...] | None]] = {
    "everything": (None, None),
    "filter 1 %": (Filters(metadata={"shelf": "7"}), None),
    "filter 10 %": (Filters(metadata={"floor": "3"}), None),
    "filter 50 %": (Filters(languages=("en",)), None),
    "dates 1 %": (Filters(since="2026-03-01", until="2026-03-04"), None),
    "access 1 %": (None, ("team:7",)),
    "access 10 %": (None, ("group:3",)),
    "access 50 %": (None, ("staff",)),
    "access 50 % and filter 1 %": (Filters(metadata={"shelf": "7"}), ("staff",)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--real", type=int, default=2_000, help="passages that are embedded")
    parser.add_argument("--questions", type=int, default=200)
    given = parser.parse_args()
    rng = random.Random(SEED)
    passages = rng.sample(
        [row["text"] for name in SETS for row in _rows(given.data / name / "corpus.jsonl")], given.real
    )
    questions = [row["text"] for name in SETS for row in _rows(given.data / name / "queries.jsonl")]
    with tempfile.TemporaryDirectory() as scratch:
        home = new_home(Path(scratch) / "home")
        embedder = open_embedder(load(home=home).embedder, home=home)
        passages = [_short(embedder, text) for text in passages]
        results = _measured(home, embedder, passages, rng.sample(questions, given.questions), given.chunks)
    parameters = {"chunks": given.chunks, "real": given.real, "questions": given.questions, "seed": SEED, "sets": SETS}
    record("filters", parameters=parameters, results=results)


def _measured(home: Path, embedder: Embedder, passages: list[str], questions: list[str], count: int) -> dict[str, Any]:
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")
    collections, catalog = Collections(database), Catalog(database)
    generation = collections.ensure("many", embedder.spec)
    started = time.perf_counter()
    _fill(database, generation, passages, embedder.embed_documents(passages), count)
    keywords = TantivyIndex(home / "keywords")
    keywords.rebuild(catalog.keyword_entries(generation))
    connection = connect(home, None)
    vectors = ChromaVectors(
        connection,
        generation.store,
        generation.spec.dimension,
        lambda: catalog.live_vectors(generation),
        expected=lambda: catalog.count(generation),
    )
    vectors.count()
    filled_s = time.perf_counter() - started

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
    results = {name: _scope(measured, exact, questions, *scope) for name, scope in SCOPES.items()}
    for each in (measured, exact):
        each.close()
    connection.close()
    database.close()
    return {"filled_s": round(filled_s, 1), "scopes": results}


def _scope(
    measured: Retriever,
    exact: Retriever,
    questions: Sequence[str],
    filters: Filters | None,
    access: tuple[str, ...] | None,
) -> dict[str, Any]:
    """For each mode the times, and the share of the exact first ten that is found."""
    found: dict[str, Any] = {}
    for mode in MODES:
        times, recalls = [], []
        for number, question in enumerate(questions):
            how: dict[str, Any] = {"collection": "many", "k": 10, "mode": mode, "filters": filters, "access": access}
            began = time.perf_counter()
            hits = measured.search(question, **how).hits
            times.append(1e3 * (time.perf_counter() - began))
            if number % 8 == 0 and (mode != "keyword"):  # an exact search reads every vector in scope
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


def _fill(database: Database, generation: Generation, passages: list[str], matrix: Matrix, count: int) -> None:
    ledger, versions = Ledger(database), Versions(database)
    rng, noise = random.Random(SEED), np.random.default_rng(SEED)
    waiting = _documents(passages, matrix, count, rng, noise)
    number = 0
    while batch := [document for _, document in zip(range(BATCH), waiting, strict=False)]:
        findings = [Finding(uri=f"d/{number + n:06}", access=_access(rng)) for n in range(len(batch))]
        known = ledger.find(generation, findings)
        new = []
        for finding, (texts, vectors) in zip(findings, batch, strict=True):
            there = known[finding.uri]
            text = "\n\n".join(texts)
            new.append(
                NewVersion(
                    known=there,
                    attempt=Attempt(document_id=there.document_id),
                    sha256=hashlib.sha256(text.encode()).hexdigest(),
                    size=len(text),
                    fingerprint="made/1 made/1",
                    parsed=Parsed(text=text, title="", media_type="text/plain", metadata=_metadata(rng)),
                    chunks=tuple(_chunks(there.document_id, texts, vectors)),
                )
            )
        ledger.begin([version.attempt for version in new])
        versions.go_live(generation, new)
        number += len(batch)


def _documents(
    passages: list[str], matrix: Matrix, count: int, rng: random.Random, noise: np.random.Generator
) -> Iterator[tuple[list[str], list[Vector]]]:
    made: tuple[list[str], list[Vector]] = ([], [])
    for number in range(count):
        one, other = (number, number) if number < len(passages) else rng.sample(range(len(passages)), 2)
        text = passages[one]
        vector = matrix[one]
        if one != other:
            half, second = passages[one].split(), passages[other].split()
            text = " ".join([*half[: len(half) // 2], *second[len(second) // 2 :]])
            mixed = vector * rng.uniform(0.5, 0.9) + matrix[other] * rng.uniform(0.1, 0.5)
            mixed = mixed / np.linalg.norm(mixed) + noise.normal(0, 0.015, matrix.shape[1]).astype(np.float32)
            vector = mixed / np.linalg.norm(mixed)
        made[0].append(text)
        made[1].append(vector)
        if len(made[0]) == PER_DOCUMENT or number == count - 1:
            yield made
            made = ([], [])


def _chunks(document_id: str, texts: list[str], vectors: list[Vector]) -> Iterator[NewChunk]:
    start = 0
    for ordinal, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
        key = hashlib.blake2b(f"{document_id} {ordinal}".encode(), digest_size=16)
        chunk = Chunk(
            chunk_id=f"chk_{key.hexdigest()}", start=start, end=start + len(text), page=None, heading="", text=text
        )
        yield NewChunk(chunk=chunk, vector_key=key.digest(), vector=vector)
        start += len(text) + 2


def _metadata(rng: random.Random) -> dict[str, str]:
    day = rng.randrange(365)
    return {
        "shelf": str(rng.randrange(100)),
        "floor": str(rng.randrange(10)),
        "language": rng.choice(("en", "de")),
        "date": f"2026-{day // 31 + 1:02}-{day % 31 + 1:02}",
        "author": f"author {rng.randrange(1000)}",
    }


def _access(rng: random.Random) -> tuple[str, ...]:
    tags = (f"team:{rng.randrange(100)}", f"group:{rng.randrange(10)}")
    return (*tags, "staff") if rng.random() < 0.5 else tags


def _short(embedder: Embedder, text: str) -> str:
    spans = embedder.tokenizer.spans(text)
    return text[: spans[TOKENS][0]].rstrip() if len(spans) > TOKENS else text


def _rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    main()
