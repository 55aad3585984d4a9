"""`ragkit demo`: the main job on the sample corpus, as `make demo` shows it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ragkit.cli.ask import print_answer
from ragkit.cli.connect import engine
from ragkit.cli.ingest import print_report, progress
from ragkit.cli.output import console
from ragkit.errors import InputError

if TYPE_CHECKING:
    from ragkit.evaluate.golden import GoldenQuestion
    from ragkit.types import Answer

__all__ = ["register"]

PIPELINE = Path("ingest/pipelines/sample.toml")
GOLDEN = Path("data/golden/questions.jsonl")
SHOWN = ("pdf", "mail", "conflict", "xlsx", "near-miss")
"""One golden question of each of these tags; the last cannot be answered from the corpus."""


def register(app: typer.Typer) -> None:
    """Add the command; it needs the repository around it, so it is not listed."""
    app.command(hidden=True)(demo)


def demo() -> None:
    """Ingest the sample corpus and answer five of its golden questions."""
    if not PIPELINE.exists() or not GOLDEN.exists():
        raise InputError(f"{str(PIPELINE)!r} is not there.", hint="Run this from the root of the ragkit repository.")
    from ragkit.ingest.pipelines import load_pipeline

    out = console()
    pipeline = load_pipeline(PIPELINE)
    out.rule("1. Ingest the sample corpus")
    with progress() as show, engine(one_shot=False) as kit:
        print_report(kit.ingest_pipeline(pipeline, on_progress=show))
        for number, question in enumerate(_questions(), start=2):
            out.rule(f"{number}. {question.question}")
            started = time.perf_counter()
            answer = kit.ask(question.question, collection=pipeline.collection)
            print_answer(answer)
            out.print(f"\n[dim]{_judged(question, answer)} in {(time.perf_counter() - started) * 1e3:.0f} ms[/]")
    out.rule("What to do next")
    out.print(
        "Ask your own question:  .venv/bin/ragkit ask -c sample 'Who approves travel above the limit?'\n"
        "Ingest your documents:  .venv/bin/ragkit ingest PATH, then .venv/bin/ragkit ask QUESTION\n"
        "Answer over HTTP:       make serve, then http://127.0.0.1:8000/docs\n"
        "Read on:                docs/quickstart.md",
        markup=False,
    )


def _questions() -> list[GoldenQuestion]:
    from ragkit.evaluate.golden import read_golden

    every = read_golden(GOLDEN)
    return [next(question for question in every if tag in question.tags) for tag in SHOWN]


def _judged(question: GoldenQuestion, answer: Answer) -> str:
    """What became of it, and whether that is wrong."""
    from ragkit.evaluate.golden import MODE, score

    if answer.abstained:
        return f"refused, {'as it must be' if question.must_refuse else 'which is a mistake'},"
    facts = score([question], [answer]).values[MODE]["facts"][0]
    return "answered" if facts else "answered, which is a mistake,"
