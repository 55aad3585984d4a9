"""Keyword search alone, and without each of its parts: nDCG@10 of documents on the halves that nothing was chosen on.

python -m benchmarks.keywords --data DIR

DIR holds BEIR folders: `scifact`, `squad2`, `mtrag_un`, `pydocs_faq`, and `xquad` with a folder a language. SciFact
is reported on its test split; of the others, which have none, every question about a document in one half, drawn by a
hash of the article. Slips are one wrong, missing, doubled or swapped letter in the longest word of each question.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.harness import folder, new_home, record
from ragkit.evaluate.dataset import Dataset, read_corpus, read_dataset
from ragkit.evaluate.measures import ranking_measures
from ragkit.index.keyword_query import Weights
from ragkit.index.keywords import TantivyIndex
from ragkit.ingest.chunking import StructureChunker
from ragkit.ingest.language import language
from ragkit.models.embed import open_embedder
from ragkit.parsed import Parsed
from ragkit.protocols import Chunker, KeywordEntry
from ragkit.settings import load

SETS = ("scifact", "squad2", "mtrag_un", "pydocs_faq", "xquad/en", "xquad/de", "xquad/es", "xquad/zh")
_PASSAGES = 100
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Variant:
    """What is measured: which index, with what weights, asked how."""

    index: str = "all"
    weights: Weights = Weights()  # noqa: RUF009
    slips: bool = False


EVERY = Weights()
VARIANTS = {
    "all": Variant(),
    "without title and headings": Variant("text"),
    "by the rules of English": Variant("english"),
    "without parts of words": Variant(weights=replace(EVERY, gram=0.0, pair=0.0)),
    "without words as written": Variant(weights=replace(EVERY, exact=0.0)),
    "without identifiers in one piece": Variant(weights=replace(EVERY, identifier=0.0, joined=0.0)),
    "with stop words": Variant(weights=replace(EVERY, stop_words=True)),
    "without slips allowed": Variant(weights=replace(EVERY, typo=0.0)),
    "a slip in each question": Variant(slips=True),
    "a slip in each question, without slips allowed": Variant(weights=replace(EVERY, typo=0.0), slips=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="holds the BEIR folders")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = new_home(Path(name) / "home")
        chunker = StructureChunker(open_embedder(load(home=home).embedder, home=home).tokenizer)
        results = {key: _measured(options.data / key, chunker, Path(name)) for key in SETS}
    record("keywords", parameters={key: folder(options.data / key) for key in SETS}, results=results)


def _measured(data: Path, chunker: Chunker, work: Path) -> dict[str, Any]:
    passages, _ = read_corpus(data)
    entries = [
        KeywordEntry(
            chunk_id=f"{passage.id}\n{number}",
            document_id=passage.id,
            title=passage.title,
            heading=piece.heading,
            text=passage.text[piece.start : piece.end],
            language=language(passage.text) or "",
        )
        for passage in passages
        for number, piece in enumerate(
            chunker.split(Parsed(text=passage.text, title=passage.title, media_type="text/plain"))
        )
    ]
    dataset = read_dataset(data)
    if data.name != "scifact":
        dataset = _half(dataset)
    TantivyIndex(work / "all").rebuild(entries)
    TantivyIndex(work / "text").rebuild(replace(entry, title="", heading="") for entry in entries)
    TantivyIndex(work / "english").rebuild(replace(entry, language="en") for entry in entries)
    owners = {entry.chunk_id: entry.document_id for entry in entries}
    found: dict[str, Any] = {"passages": len(entries), "questions": len(dataset.queries)}
    for name, variant in VARIANTS.items():
        found[name] = _ndcg(TantivyIndex(work / variant.index, weights=variant.weights), dataset, variant, owners)
    return found


def _ndcg(index: TantivyIndex, dataset: Dataset, variant: Variant, owners: Mapping[str, str]) -> dict[str, Any]:
    rankings: dict[str, list[str]] = {}
    took: list[float] = []
    for key, question in dataset.queries.items():
        asked = _slip(question) if variant.slips else question
        started = time.perf_counter()
        hits = index.search(asked, k=_PASSAGES)
        took.append((time.perf_counter() - started) * 1e3)
        rankings[key] = list(dict.fromkeys(owners[chunk_id] for chunk_id, _ in hits))
    values = ranking_measures(dataset.qrels, rankings)["nDCG@10"].values()
    return {"ndcg_at_10": round(statistics.fmean(values), 4), "median_ms": round(statistics.median(took), 2)}


def _half(dataset: Dataset) -> Dataset:
    """The questions that no weight was chosen on; questions about one article stay together."""

    def group(key: str) -> str:
        document = next(iter(dataset.qrels[key]))
        if found := re.fullmatch(r"(a\d+)p\d+", document):
            return found.group(1)
        article, mark, _ = document.partition("#")
        return article.rsplit("_", 1)[0] if mark and dataset.name == "squad2" else key

    def kept(key: str) -> bool:
        return not hashlib.md5(group(key).encode(), usedforsecurity=False).digest()[0] & 1

    return replace(
        dataset,
        queries={key: text for key, text in dataset.queries.items() if kept(key)},
        qrels={key: judged for key, judged in dataset.qrels.items() if kept(key)},
    )


def _slip(question: str) -> str:
    words = re.findall(r"[^\W\d_]{5,}", question)
    if not words:
        return question
    word, draw = max(words, key=len), random.Random(question)
    at = draw.randrange(1, len(word) - 1)
    before, after = word[:at], word[at + 1 :]
    slips = (
        before + after,
        before + draw.choice(_LETTERS) + after,
        before + word[at] * 2 + after,
        before + after[:1] + word[at] + after[1:],
    )
    return question.replace(word, draw.choice(slips))


if __name__ == "__main__":
    main()
