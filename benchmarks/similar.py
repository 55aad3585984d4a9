"""Whether a question that is much like an earlier one may be answered by the reply to that.

python -m benchmarks.similar --data DIR

DIR holds `squad2`. The questions of its paragraphs come in a random order; each is answered from memory where the
nearest of those before it is nearer than a threshold. That is right where both are about the same paragraph and have an
answer in common, or are equal but for case. Twice: all questions, half of which only look answerable, and the
answerable ones alone.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import embedded, record
from ragkit.models.embed import open_embedder
from ragkit.settings import load
from ragkit.store.embeddings import VectorCache
from ragkit.store.engine import Database

THRESHOLDS = (0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with the places of its answers in its paragraph."""

    text: str
    paragraph: tuple[str, int]
    answers: frozenset[tuple[int, int]]

    def same_as(self, other: Asked) -> bool:
        """Whether the reply to the other one answers it."""
        if self.paragraph != other.paragraph:
            return False
        return bool(self.answers & other.answers) or self.text.casefold() == other.text.casefold()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with squad2")
    parser.add_argument("--home", type=Path, help="a RAGKIT_HOME that stays, so that nothing is embedded twice")
    given = parser.parse_args()
    asked = read(given.data / "squad2" / "dev-v2.0-half.json")
    random.Random(1).shuffle(asked)
    with tempfile.TemporaryDirectory() as scratch:
        vectors = embedded_at(given.home or Path(scratch), [one.text for one in asked])
    answerable = [place for place, one in enumerate(asked) if one.answers]
    results = {
        "all": replayed(asked, vectors),
        "answerable": replayed([asked[place] for place in answerable], vectors[answerable]),
    }
    record("similar", parameters={"thresholds": THRESHOLDS}, results=results)


def embedded_at(home: Path, texts: Sequence[str]) -> Any:
    """The vectors of texts by the default model, which are kept at a home."""
    settings = load(home=home)
    embedder = open_embedder(settings.embedder, home=settings.home, backend=settings.embedder_backend)
    with closing(Database.open(f"sqlite:///{settings.home / 'ragkit.db'}")) as database:
        return embedded(texts, embedder, VectorCache(database))


def read(file: Path) -> list[Asked]:
    """All questions of a file in SQuAD's format."""
    return [
        Asked(
            text=question["question"].strip(),
            paragraph=(article["title"], number),
            answers=frozenset((one["answer_start"], len(one["text"])) for one in question["answers"]),
        )
        for article in json.loads(file.read_text("utf-8"))["data"]
        for number, paragraph in enumerate(article["paragraphs"])
        for question in paragraph["qas"]
    ]


def replayed(asked: Sequence[Asked], vectors: Any) -> dict[str, Any]:
    """At each threshold how many questions are answered from memory, and how many of them wrongly."""
    near = vectors @ vectors.T
    near[~np.tri(len(asked), k=-1, dtype=bool)] = -1  # what comes later is not remembered yet
    nearest, cosine = near.argmax(axis=1), near.max(axis=1)
    right = np.array([one.same_as(asked[nearest[place]]) for place, one in enumerate(asked)])
    found: dict[str, Any] = {"questions": len(asked)}
    for threshold in THRESHOLDS:
        hits = cosine >= threshold
        found[str(threshold)] = {
            "hits": int(hits.sum()),
            "hit_rate": round(float(hits.mean()), 5),
            "false_of_hits": round(float((hits & ~right).sum() / max(hits.sum(), 1)), 4),
            "false_of_questions": round(float((hits & ~right).mean()), 5),
        }
    return found


if __name__ == "__main__":
    main()
