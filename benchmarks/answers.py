"""Extractive answers to SQuAD 2.0: does the quoted text hold the answer, and are the unanswerable refused?

python -m benchmarks.answers --data DIR [--limit N]

DIR is a BEIR folder whose `queries.jsonl` names the answers (`metadata.answers`), with `unanswerable.jsonl` beside it.
Only every other article is asked about: the rest is left for fitting.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import folder, record, spread
from ragkit.app import Ragkit
from ragkit.settings import load
from ragkit.types import Answer

__all__ = ["score"]

Question = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a BEIR folder with answers")
    parser.add_argument("--limit", type=int, default=1000, help="questions of each kind")
    options = parser.parse_args()
    answerable, unanswerable = (_sample(kind, options.limit) for kind in _questions(options.data))
    with tempfile.TemporaryDirectory() as name, Ragkit.open(load(home=Path(name) / "home")) as kit:
        kit.ingest(_written(options.data, Path(name) / "passages"))
        results = score(answerable, unanswerable, kit.ask)
    record("answers", parameters=folder(options.data) | {"limit": options.limit}, results=results)


def score(
    answerable: Sequence[Question], unanswerable: Sequence[Question], ask: Callable[[str], Answer]
) -> dict[str, Any]:
    """Shares of 0 to 1 of the questions; a refusal quotes nothing."""
    answers = [(question, ask(question["text"])) for question in answerable]
    refused = [ask(question["text"]).abstained for question in unanswerable]
    held = [[_holds(quote.quote, question) for quote in answer.citations] for question, answer in answers]
    return {
        "answer_in_first_quote": float(np.mean([any(quotes[:1]) for quotes in held])),
        "answer_in_three_quotes": float(np.mean([any(quotes[:3]) for quotes in held])),
        "quotes": float(np.mean([len(quotes) for quotes in held])),
        "refused_wrongly": float(np.mean([answer.abstained for _, answer in answers])),
        "refused_rightly": float(np.mean(refused)) if refused else None,
        "answerable": len(answerable),
        "unanswerable": len(unanswerable),
        "took_ms": spread([answer.took_ms for _, answer in answers]),
    }


def _questions(data: Path) -> tuple[list[Question], list[Question]]:
    """Answerable and unanswerable questions on every other article."""
    rows = [line.split("\t") for line in (data / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]]
    about = {row[0]: row[1] for row in rows}
    answerable = [question | {"corpus_id": about[question["_id"]]} for question in _lines(data / "queries.jsonl")]
    unanswerable = _lines(data / "unanswerable.jsonl")
    articles = sorted({_article(question) for question in answerable})
    chosen = set(articles[1::2])
    return [q for q in answerable if _article(q) in chosen], [q for q in unanswerable if _article(q) in chosen]


def _article(question: Question) -> str:
    return str(question["corpus_id"]).split("#")[0]


def _sample(questions: Sequence[Question], limit: int) -> list[Question]:
    return random.Random(0).sample(questions, min(limit, len(questions)))


def _written(data: Path, target: Path) -> Path:
    target.mkdir()
    for number, passage in enumerate(_lines(data / "corpus.jsonl")):
        (target / f"{number:05}.txt").write_text(f"{passage['title']}\n\n{passage['text']}", encoding="utf-8")
    return target


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def _holds(quote: str, question: Question) -> bool:
    return any(answer.casefold() in quote.casefold() for answer in question["metadata"]["answers"])


if __name__ == "__main__":
    main()
