"""Test collections in the format of BEIR: `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`.

Thakur et al., "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval Models", 2021.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import InputError

__all__ = ["Dataset", "Passage", "json_lines", "meant", "read_corpus", "read_dataset"]

HINT = "A folder has corpus.jsonl, queries.jsonl and qrels/test.tsv, as BEIR has them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A document of the corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Questions, and which documents answer them."""

    name: str
    split: str
    queries: Mapping[str, str]
    """The text by id, of those that have a relevant document."""
    qrels: Mapping[str, Mapping[str, int]]
    """By query, by document: how relevant it is; 0 for one that was judged and is not."""

    @property
    def judgements(self) -> int:
        return sum(map(len, self.qrels.values()))

    @property
    def documents(self) -> set[str]:
        """Those that were judged."""
        return {document for judged in self.qrels.values() for document in judged}

    @property
    def sha256(self) -> str:
        """Of what is asked and what is right; the corpus has a hash of its own."""
        rows = [[key, text, sorted(self.qrels[key].items())] for key, text in sorted(self.queries.items())]
        return _hash(rows)


def read_corpus(folder: Path) -> tuple[list[Passage], str]:
    """The documents in order, and a hash of them.

    Raises:
        InputError: The file is missing, a line cannot be used, or an id comes twice.
    """
    passages: dict[str, Passage] = {}
    for number, row in json_lines(folder / "corpus.jsonl"):
        key = _id(row, folder / "corpus.jsonl", number)
        if key in passages:
            raise InputError(f"The id {key!r} comes twice in {str(folder / 'corpus.jsonl')!r}.")
        passages[key] = Passage(id=key, title=str(row.get("title") or ""), text=str(row.get("text") or ""))
    if not passages:
        raise InputError(f"There is no document in {str(folder / 'corpus.jsonl')!r}.", hint=HINT)
    return list(passages.values()), _hash([[p.id, p.title, p.text] for p in passages.values()])


def read_dataset(folder: Path, *, split: str = "test") -> Dataset:
    """The queries of a split with their judgements.

    Raises:
        InputError: A file is missing, a line cannot be used, or a judged query has no text.
    """
    qrels = _read_qrels(folder / "qrels" / f"{split}.tsv")
    file = folder / "queries.jsonl"
    texts = {_id(row, file, number): str(row.get("text") or "") for number, row in json_lines(file)}
    if silent := [key for key in qrels if not texts.get(key, "").strip()]:
        raise InputError(f"{len(silent)} judged queries have no text in {str(file)!r}, such as {silent[0]!r}.")
    return Dataset(name=folder.resolve().name, split=split, queries={key: texts[key] for key in qrels}, qrels=qrels)


def meant(dataset: Dataset, uris: Sequence[str]) -> dict[str, str]:
    """The judged ids by the uris of the documents that they mean: those that are equal to them or end with them.

    Raises:
        InputError: One may mean two documents, or none means any.
    """
    fitting: dict[str, list[str]] = {key: [] for key in dataset.documents}
    for uri in uris:
        for end in {uri, *(uri[at.end() :] for at in re.finditer("/", uri))} & fitting.keys():
            fitting[end].append(uri)
    found: dict[str, str] = {}
    for key, fits in sorted(fitting.items()):
        if len(fits) > 1:
            raise InputError(
                f"The judged document {key!r} can be {fits[0]!r} or {fits[1]!r}.",
                hint="Write more of its uri; `ragkit documents list` shows them.",
            )
        found.update(dict.fromkeys(fits, key))
    if not found:
        raise InputError(
            f"No judged document of {dataset.name!r} is in the collection.",
            hint="Name documents in the qrels by their uri or its end, as `ragkit documents list` shows them.",
        )
    return found


def json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object with the number of its line.

    Raises:
        InputError: The file cannot be read, or a line is not a JSON object.
    """
    for number, line in enumerate(_read(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"Line {number} of {str(file)!r} is not JSON: {error}.", hint=HINT) from error
        if not isinstance(row, dict):
            raise InputError(f"Line {number} of {str(file)!r} is not a JSON object.", hint=HINT)
        yield number, row


def _read_qrels(file: Path) -> dict[str, dict[str, int]]:
    """Those of queries with a relevant document; trec_eval has nothing to say of the others."""
    found: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_read(file).splitlines(), start=1):
        fields = line.split("\t")
        if fields == ["query-id", "corpus-id", "score"] or not line.strip():
            continue
        try:
            query, document, score = fields
            found.setdefault(query, {})[document] = int(score)
        except ValueError as error:
            raise InputError(
                f"Line {number} of {str(file)!r} is not `query-id`, `corpus-id` and a whole number, with tabs between.",
                hint=HINT,
            ) from error
    answered = {query: judged for query, judged in found.items() if max(judged.values()) > 0}
    if not answered:
        raise InputError(f"No query in {str(file)!r} has a relevant document.", hint=HINT)
    return answered


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{str(file)!r} cannot be read: {reason}.", hint=HINT) from error


def _id(row: Mapping[str, Any], file: Path, number: int) -> str:
    if row.get("_id") in (None, ""):
        raise InputError(f"Line {number} of {str(file)!r} has no `_id`.", hint=HINT)
    return str(row["_id"])


def _hash(rows: Sequence[object]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()
