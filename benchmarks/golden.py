"""Answers to the golden questions: right source, right fact, refused where the corpus is silent.

python -m benchmarks.golden [--data data]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import REPOSITORY, folder, record, spread
from ragkit.app import Ragkit
from ragkit.settings import load
from ragkit.types import Answer

__all__ = ["questions", "score"]

Question = dict[str, Any]


def questions(file: Path) -> list[Question]:
    """The golden questions; those that only OCR could answer are left out where there is no OCR."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def score(asked: Sequence[Question], ask: Callable[[str], Answer]) -> dict[str, Any]:
    """Ask every question and compare the answers with what they must hold.

    Returns:
        Shares of 0 to 1. Of the answerable questions: `source_first` cites a right document first, `source_in_3` among
        the first three, `facts` has every fact in the quoted text, `refused_wrongly`. Of the others: `refused_rightly`.
        `missed` names the questions behind them.
    """
    answers = [(question, ask(question["question"])) for question in asked]
    answerable = [(q, a) for q, a in answers if not q["must_refuse"]]
    silent = [(q, a) for q, a in answers if q["must_refuse"]]
    checks: dict[str, Callable[[Question, Answer], bool]] = {
        "source_first": lambda q, a: _cites(q, a, first=1),
        "source_in_3": lambda q, a: _cites(q, a, first=3),
        "facts": _says,
    }
    shares = {name: _share(check(q, a) for q, a in answerable) for name, check in checks.items()}
    missed = {name: [q["question"] for q, a in answerable if not check(q, a)] for name, check in checks.items()}
    return {
        **shares,
        "refused_wrongly": _share(a.abstained for _, a in answerable),
        "refused_rightly": _share(a.abstained for _, a in silent),
        "answerable": len(answerable),
        "unanswerable": len(silent),
        "took_ms": spread([a.took_ms for _, a in answers]),
        "missed": missed
        | {
            "refused_wrongly": [q["question"] for q, a in answerable if a.abstained],
            "refused_rightly": [q["question"] for q, a in silent if not a.abstained],
        },
    }


def _cites(question: Question, answer: Answer, *, first: int) -> bool:
    cited = answer.citations[:first]
    return any(citation.uri.endswith("/" + path) for citation in cited for path in question["must_cite"])


def _says(question: Question, answer: Answer) -> bool:
    quoted = _plain(" ".join(citation.quote for citation in answer.citations))
    return all(_plain(fact) in quoted for fact in question["must_say"])


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _share(found: Any) -> float:
    values = list(found)
    return round(sum(values) / len(values), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "data", help="a folder with corpus/ and golden/")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as home, Ragkit.open(load(home=Path(home))) as kit:
        kit.ingest(data / "corpus")
        results = score(questions(data / "golden" / "questions.jsonl"), kit.ask)
    record("golden", parameters=folder(data / "corpus"), results=results)


if __name__ == "__main__":
    main()
