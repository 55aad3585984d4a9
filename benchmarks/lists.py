"""The two lists of every question of a test collection in BEIR's format, by the product's own chunking, embedder and
keyword index, and the measure of what is made of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import embedded
from ragkit.evaluate.dataset import read_corpus, read_dataset
from ragkit.index.exact import ExactScan
from ragkit.index.keywords import TantivyIndex
from ragkit.ingest.chunking import StructureChunker, embedded_input
from ragkit.ingest.language import language
from ragkit.parsed import Parsed
from ragkit.protocols import Embedder, KeywordEntry
from ragkit.retrieve.weights import Signals, signals
from ragkit.store.embeddings import VectorCache

DEPTH = 50
DISCOUNT = tuple(1 / math.log2(rank + 1) for rank in range(1, 11))
MOST = 400
"""Questions of a part of a set, evenly spread; the sets count alike."""

Ranking = list[tuple[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its two lists; passages are `document#ordinal`."""

    dense: Ranking
    filled: Ranking
    """The dense list with the cosines of what only the keywords found."""
    keyword: Ranking
    signals: Signals
    siblings: Mapping[str, int]
    """Of each passage, how many its document has."""
    relevant: Mapping[str, int]
    training: bool


def read(name: str, data: Path, work: Path, embedder: Embedder, cache: VectorCache) -> list[Asked]:
    """The lists of every question of a set."""
    folder = data / name
    passages, _ = read_corpus(folder)
    chunker = StructureChunker(embedder.tokenizer)
    entries = [
        KeywordEntry(
            chunk_id=f"{passage.id}#{ordinal}",
            document_id=passage.id,
            title=passage.title,
            heading=piece.heading,
            text=passage.text[piece.start : piece.end],
            language=spoken,
        )
        for passage in passages
        for spoken in [language(passage.text) or ""]
        for ordinal, piece in enumerate(
            chunker.split(Parsed(text=passage.text, title=passage.title, media_type="text/plain"))
        )
    ]
    inputs = [embedded_input(title=entry.title, heading=entry.heading, text=entry.text) for entry in entries]
    scan = ExactScan([entry.chunk_id for entry in entries], embedded(inputs, embedder, cache))
    index = TantivyIndex(work / name)
    index.rebuild(entries)
    passages_of = Counter(entry.document_id for entry in entries)
    siblings = {entry.chunk_id: passages_of[entry.document_id] for entry in entries}
    return [
        _asked(text, relevant, training, siblings=siblings, scan=scan, index=index, embedder=embedder)
        for text, relevant, training in _questions(folder)
    ]


def _asked(
    text: str,
    relevant: Mapping[str, int],
    training: bool,
    *,
    siblings: Mapping[str, int],
    scan: ExactScan,
    index: TantivyIndex,
    embedder: Embedder,
) -> Asked:
    vector = embedder.embed_query(text)
    dense, keyword = scan.search(vector, k=DEPTH), index.search(text, k=DEPTH)
    beyond = {chunk for chunk, _ in keyword} - {chunk for chunk, _ in dense}
    return Asked(
        dense=dense,
        filled=dense + [pair for pair in scan.search(vector, k=len(siblings)) if pair[0] in beyond],
        keyword=keyword,
        signals=signals(text, keyword, tokens=len(embedder.tokenizer.spans(text))),
        siblings=siblings,
        relevant=relevant,
        training=training,
    )


def _questions(folder: Path) -> list[tuple[str, Mapping[str, int], bool]]:
    """Text, relevant documents and whether it is for training."""
    own_split = (folder / "qrels" / "train.tsv").is_file()
    parts: dict[bool, list[tuple[str, Mapping[str, int], bool]]] = {True: [], False: []}
    for split in ("train", "test") if own_split else ("test",):
        dataset = read_dataset(folder, split=split)
        for number, (key, text) in enumerate(dataset.queries.items()):
            training = split == "train" if own_split else _in_training(dataset.qrels[key], number)
            parts[training].append((text, dataset.qrels[key], training))
    return [one for part in parts.values() for one in part[:: -(-len(part) // MOST)]]


def _in_training(relevant: Mapping[str, int], number: int) -> bool:
    """Every other article where documents are `article#number` or `articlepnumber`, else every other question."""
    article = min(relevant).partition("#")[0]
    return (sum(article.encode()) if "#" in min(relevant) and "/" not in article else number) % 2 == 0


def ndcg(ranked: Sequence[str], relevant: Mapping[str, int]) -> float:
    """nDCG@10 of passages, folded to documents."""
    documents = list(dict.fromkeys(chunk.rpartition("#")[0] for chunk in ranked))
    ideal = sorted(relevant.values(), reverse=True)
    best = sum(gain * share for gain, share in zip(ideal, DISCOUNT, strict=False))
    return sum(relevant.get(key, 0) * share for key, share in zip(documents, DISCOUNT, strict=False)) / best
