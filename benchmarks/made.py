"""A large collection made in minutes by a recipe with a seed: real text, seeded vectors.

A sample of passages of squad2 and scifact is embedded; every other chunk is made of two of them: half of the text of
each, a seeded mixture of their vectors with a little of a third, and half of the token signs of each, since to embed
100,000 passages takes two cores a quarter of an hour. (Noise in place of the third would point where no text lies, and
an index of neighbours finds less among such vectors.) A document has five chunks, and metadata and access tags drawn
with the same seed. Chunks go into the catalog as ingestion puts them there; the indexes are built from it.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragkit.app import Ragkit
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections, Generation
from ragkit.index.keywords import TantivyIndex
from ragkit.index.ledger import Attempt, Finding, Ledger
from ragkit.index.token_signs import TokenSigns, signs_of
from ragkit.index.versions import NewChunk, NewVersion, Versions
from ragkit.models.embed import open_embedder
from ragkit.parsed import Parsed
from ragkit.protocols import TokenEmbedder
from ragkit.settings import load
from ragkit.store.engine import Database
from ragkit.types import Chunk

if TYPE_CHECKING:
    from ragkit.protocols import Vector

__all__ = ["COLLECTION", "Recipe", "make", "questions"]

COLLECTION = "made"
SETS = ("squad2", "scifact")
PER_DOCUMENT = 5
TOKENS = 150
"""Of a passage at most."""
BATCH = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a collection is made by."""

    chunks: int = 100_000
    real: int = 2_000
    """Passages that are embedded."""
    seed: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passage:
    text: str
    vector: Vector
    signs: bytes


def make(home: Path, data: Path, recipe: Recipe) -> float:
    """Make the collection in an empty home, unless it was made there before; returns the seconds that took, then."""
    note = home / "made.json"
    if note.is_file():
        before = json.loads(note.read_text())
        if before["recipe"] != asdict(recipe):
            raise SystemExit(f"{str(home)!r} holds a collection made by another recipe: {before['recipe']}.")
        return float(before["seconds"])
    if home.exists() and any(home.iterdir()):
        raise SystemExit(f"{str(home)!r} is not empty.")
    started = time.perf_counter()
    rng = random.Random(recipe.seed)
    real = _embedded(home, rng.sample(_passages(data), recipe.real))
    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
        embedder = open_embedder(load(home=home).embedder, home=home)
        generation = Collections(database).ensure(COLLECTION, embedder.spec)
        _fill(database, generation, real, recipe)
        index = TantivyIndex(home / "keywords" / generation.store)
        index.rebuild(Catalog(database).keyword_entries(generation))
    with Ragkit.open(load(home=home, collection=COLLECTION)) as kit:
        kit.search("Chroma fills itself at its first use.", mode="dense")
    seconds = round(time.perf_counter() - started, 1)
    note.write_text(json.dumps({"recipe": asdict(recipe), "seconds": seconds}))
    return seconds


def questions(data: Path, count: int, *, seed: int) -> list[str]:
    """Questions of the sets, drawn with a seed; whether the sample has their passages does not matter to the time."""
    return random.Random(seed).sample([text for name in SETS for text in _texts(data / name / "queries.jsonl")], count)


def _embedded(home: Path, texts: Sequence[str]) -> list[_Passage]:
    embedder = open_embedder(load(home=home).embedder, home=home)
    assert isinstance(embedder, TokenEmbedder)
    short = [_short(text, embedder.tokenizer.spans(text)) for text in texts]
    rows = zip(short, embedder.embed_documents(short), embedder.embed_tokens(short), strict=True)
    return [_Passage(text=text, vector=vector, signs=signs_of(text, tokens)) for text, vector, tokens in rows]


def _short(text: str, spans: Sequence[tuple[int, int]]) -> str:
    return text[: spans[TOKENS][0]].rstrip() if len(spans) > TOKENS else text


def _fill(database: Database, generation: Generation, real: Sequence[_Passage], recipe: Recipe) -> None:
    ledger, versions, signs = Ledger(database), Versions(database), TokenSigns(database)
    rng = random.Random(recipe.seed)
    documents = _documents(real, recipe)
    number = 0
    while batch := [document for _, document in zip(range(BATCH), documents, strict=False)]:
        findings = [Finding(uri=f"d/{number + n:06}", access=_access(rng)) for n in range(len(batch))]
        known = ledger.find(generation, findings)
        new, kept = [], {}
        for finding, passages in zip(findings, batch, strict=True):
            there = known[finding.uri]
            text = "\n\n".join(passage.text for passage in passages)
            chunks = tuple(_chunks(there.document_id, passages))
            kept.update({made.vector_key: passage.signs for made, passage in zip(chunks, passages, strict=True)})
            new.append(
                NewVersion(
                    known=there,
                    attempt=Attempt(document_id=there.document_id),
                    sha256=hashlib.sha256(text.encode()).hexdigest(),
                    size=len(text),
                    fingerprint="made/1 made/1",
                    parsed=Parsed(text=text, title="", media_type="text/plain", metadata=_metadata(rng)),
                    chunks=chunks,
                    signature=rng.randbytes(504),
                )
            )
        ledger.begin([version.attempt for version in new])
        versions.go_live(generation, new)
        signs.keep(kept)
        number += len(batch)


def _documents(real: Sequence[_Passage], recipe: Recipe) -> Iterator[list[_Passage]]:
    rng = random.Random(recipe.seed)
    for start in range(0, recipe.chunks, PER_DOCUMENT):
        numbers = range(start, min(start + PER_DOCUMENT, recipe.chunks))
        yield [real[n] if n < len(real) else _mixed(*rng.sample(real, 3), rng) for n in numbers]


def _mixed(one: _Passage, other: _Passage, third: _Passage, rng: random.Random) -> _Passage:
    first, second = one.text.split(), other.text.split()
    weights = rng.uniform(0.5, 0.9), rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.3)
    vector = weights[0] * one.vector + weights[1] * other.vector + weights[2] * third.vector
    width = len(vector) // 8
    return _Passage(
        text=" ".join([*first[: len(first) // 2], *second[len(second) // 2 :]]),
        vector=vector / np.linalg.norm(vector),
        signs=one.signs[: len(one.signs) // width // 2 * width] + other.signs[len(other.signs) // width // 2 * width :],
    )


def _chunks(document_id: str, passages: Sequence[_Passage]) -> Iterator[NewChunk]:
    start = 0
    for ordinal, passage in enumerate(passages):
        key = hashlib.blake2b(f"{document_id} {ordinal}".encode(), digest_size=16)
        end = start + len(passage.text)
        chunk = Chunk(
            chunk_id=f"chk_{key.hexdigest()[:24]}", start=start, end=end, page=None, heading="", text=passage.text
        )
        yield NewChunk(chunk=chunk, vector_key=key.digest(), vector=passage.vector)
        start = end + 2


def _metadata(rng: random.Random) -> dict[str, str]:
    day = rng.randrange(365)
    return {
        "shelf": str(rng.randrange(100)),
        "floor": str(rng.randrange(10)),
        "half": str(rng.randrange(2)),
        "date": f"2026-{day // 31 + 1:02}-{day % 31 + 1:02}",
        "author": f"author {rng.randrange(1000)}",
        "language": "en",
    }


def _access(rng: random.Random) -> tuple[str, ...]:
    tags = (f"team:{rng.randrange(100)}", f"group:{rng.randrange(10)}")
    return (*tags, "staff") if rng.random() < 0.5 else tags


def _passages(data: Path) -> list[str]:
    return [text for name in SETS for text in _texts(data / name / "corpus.jsonl")]


def _texts(file: Path) -> Iterator[str]:
    return (json.loads(line)["text"] for line in file.read_text("utf-8").splitlines())
