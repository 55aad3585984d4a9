"""Questions with what was found for them, of which it is known whether that holds an answer, and in what words."""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.harness import REPOSITORY, new_home
from ragkit.answer.history import standalone_by_rule
from ragkit.app import Ragkit
from ragkit.evaluate.golden import read_golden
from ragkit.settings import load
from ragkit.types import Hit

__all__ = ["SETS", "Case", "holds", "is_even", "lines", "written"]

K = 12
"""As many passages as an answer is made from."""
SAVED = 250
"""After so many searches they are written down, so that a run that is ended can be taken up."""
DESK = REPOSITORY / "benchmarks" / "desk"
_HITS = TypeAdapter(dict[str, tuple[Hit, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question with what was found for it."""

    question: str
    hits: tuple[Hit, ...]
    label: str
    """`answerable`, `unanswerable`, `removed` (the passages with the answer were taken away), or as the set says."""
    answers: tuple[str, ...] = ()
    """A statement that holds one of them answers."""


def squad2(data: Path, home: Path, *, fitting: bool, limit: int) -> list[Case]:
    """Split by article; `limit` answerable questions of a half, and as many unanswerable ones."""
    folder = data / "squad2"
    about = dict(line.split("\t")[:2] for line in (folder / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:])
    asked = [
        *(question | {"corpus_id": about[question["_id"]]} for question in lines(folder / "queries.jsonl")),
        *lines(folder / "unanswerable.jsonl"),
    ]
    articles = sorted({_article(question) for question in asked})
    half = set(articles[0::2] if fitting else articles[1::2])
    chosen = [
        question
        for answerable in (True, False)
        for question in _sample([q for q in asked if _article(q) in half and ("metadata" in q) == answerable], limit)
    ]
    return list(_found(chosen, home, written(folder, home), removed=fitting))


def mtrag_un(data: Path, home: Path, *, fitting: bool, limit: int) -> list[Case]:
    """Split by conversation; the last question of each, with what it takes over from the one before."""
    chosen = []
    for task in lines(data / "mtrag_un" / "tasks.jsonl"):
        said = [message["content"] for message in task["messages"] if message["role"] == "user"]
        text = standalone_by_rule(said[-1], said[-2] if len(said) > 1 else None)
        if is_even(task["id"].split("<")[0]) == fitting:
            chosen.append({"text": text, "label": task["answerability"].casefold()})
    return list(_found(chosen, home, written(data / "mtrag_un", home), removed=False))


def fitz_gov(data: Path, home: Path, *, fitting: bool, limit: int) -> list[Case]:
    """Split by id; each question has passages of its own, so nothing is searched."""
    return [
        Case(
            question=case["query"],
            hits=tuple(_hit(text, rank) for rank, text in enumerate(filter(None, case["contexts"]), start=1)),
            label={"trustworthy": "answerable", "abstain": "unanswerable"}.get(case["expected"], case["expected"]),
        )
        for case in lines(data / "fitz_gov" / "cases.jsonl")
        if is_even(case["id"]) == fitting
    ]


def desk(data: Path, home: Path, *, fitting: bool, limit: int) -> list[Case]:
    """Our own, for fitting only: house rules, tariffs, registers, mails and minutes, in English and German."""
    chosen = [
        {"text": one.question} | ({"metadata": {"answers": one.must_say}} if one.must_say else {})
        for one in read_golden(DESK / "questions.jsonl")
        if fitting
    ]
    return list(_found(chosen, home, DESK / "corpus", removed=False))


SETS: Mapping[str, Callable[..., list[Case]]] = {
    "squad2": squad2,
    "fitz_gov": fitz_gov,
    "mtrag_un": mtrag_un,
    "desk": desk,
}


def _found(chosen: Sequence[dict[str, Any]], home: Path, source: Path, *, removed: bool) -> Iterator[Case]:
    """Each question with what the product's own search finds; on request also without what answers it."""
    found = _searched([question["text"] for question in chosen], home, source)
    for question in chosen:
        hits = found[question["text"]]
        answers = tuple(question.get("metadata", {}).get("answers", ()))
        label = question.get("label", "answerable" if answers else "unanswerable")
        yield Case(question=question["text"], hits=hits, label=label, answers=answers)
        if removed and answers:
            silent = tuple(hit for hit in hits if not holds(hit.text, answers))
            yield Case(question=question["text"], hits=silent, label="removed")


def _searched(questions: Sequence[str], home: Path, source: Path) -> dict[str, tuple[Hit, ...]]:
    """What is found for each; kept beside the home, so that a later run searches for new questions only."""
    kept = home.with_name(f"{home.name}-found.json")
    found = _HITS.validate_json(kept.read_bytes()) if kept.exists() else {}
    new = [question for question in dict.fromkeys(questions) if question not in found]
    if new:
        with Ragkit.open(load(home=home if home.exists() else new_home(home))) as kit:
            kit.ingest(source)
            for first in range(0, len(new), SAVED):
                found |= {question: kit.search(question, k=K).hits for question in new[first : first + SAVED]}
                kept.write_bytes(_HITS.dump_json(found))
    return found


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in it, but for case, articles and white space."""
    plain = _plain(text)
    return any(_plain(answer) in plain for answer in answers)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", text.casefold()).split())


def written(folder: Path, home: Path) -> Path:
    """The corpus of a set as files, named by their line."""
    source = home.parent / f"{home.name}-source"
    source.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(lines(folder / "corpus.jsonl")):
        text = "\n\n".join(filter(None, (row["title"].strip(), row["text"])))
        (source / f"{number:05}.txt").write_text(text, encoding="utf-8")
    return source


def _hit(text: str, rank: int) -> Hit:
    return Hit(
        rank=rank, score=1 / rank, via=("dense",), document_id=str(rank), uri=str(rank), title="", page=None,
        heading="", chunk_id=str(rank), start=0, end=len(text), text=text,
    )  # fmt: skip


def _article(question: Mapping[str, Any]) -> str:
    return str(question["corpus_id"]).split("#")[0]


def _sample(questions: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    return random.Random(0).sample(questions, min(limit, len(questions)))


def is_even(name: str) -> bool:
    """Whether what has this name is for fitting."""
    return zlib.crc32(name.encode()) % 2 == 0


def lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
