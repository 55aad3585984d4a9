"""What checking adds to the time of an answer, on one core.

taskset -c 0 python -m benchmarks.checking --data DIR [--home DIR]

An answer is ten sentences, each citing one of ten passages of `squad2` that were read when it was judged whether they
hold an answer, as in the product. Once the sentences are put otherwise than the passages have them, so that each is
compared token by token; once they quote.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import record
from benchmarks.labelled import Example, Sets
from ragkit.answer.citations import resolve
from ragkit.answer.markers import Sentence
from ragkit.models.embed import open_embedder
from ragkit.reader import Reader
from ragkit.settings import load
from ragkit.text import sentences

SENTENCES = 10
ANSWERS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as home:
        embedder = open_embedder(load().embedder, home=options.home or Path(home))
        examples = [
            one for one in Sets(options.data, embedder).injected(fitting=False) if one.label == "supported"
        ]  # fmt: skip
        answers = [examples[first : first + SENTENCES] for first in range(0, SENTENCES * ANSWERS, SENTENCES)]
        reader = Reader(embedder)
        results = {
            "put_otherwise_ms": _spread([_took(answer, reader, quoted=False) for answer in answers]),
            "quoted_ms": _spread([_took(answer, reader, quoted=True) for answer in answers]),
        }
    record("checking", parameters={"sentences": SENTENCES, "answers": ANSWERS, "cores": 1}, results=results)


def _took(answer: Sequence[Example], reader: Reader, *, quoted: bool) -> tuple[float, float]:
    """Milliseconds for all sentences of an answer, and those of the processor: others may share the core."""
    sources = [one.passages[0] for one in answer]
    reader.read("What is said?", sources[:8])
    reader.read("What is said?", sources[8:])
    said = []
    for number, one in enumerate(answer, start=1):
        text = sources[number - 1].text
        start, end = sentences(text)[0]
        said.append(Sentence(text=text[start:end] if quoted else one.statement, markers=(number,)))
    began, worked = time.perf_counter(), time.process_time()
    for sentence in said:
        resolve(sentence, sources, reader)
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)


def _spread(took: Sequence[tuple[float, float]]) -> dict[str, float]:
    found = {}
    for name, values in zip(("", "cpu_"), zip(*took, strict=True), strict=True):
        found[f"{name}p50"] = round(statistics.median(values), 2)
        found[f"{name}p95"] = round(statistics.quantiles(values, n=20)[18], 2)
    return found


if __name__ == "__main__":
    main()
