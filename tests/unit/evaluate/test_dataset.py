"""What is read of a folder in BEIR's format, and what is said of one that is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.errors import InputError
from ragkit.evaluate.dataset import read_corpus, read_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "qrels").mkdir()
    write(tmp_path / "corpus.jsonl", [{"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "text": "two"}])
    write(tmp_path / "queries.jsonl", [{"_id": "q1", "text": "what?"}, {"_id": "q2", "text": "why?"}])
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq2\td2\t0\n")
    return tmp_path


def write(file: Path, rows: list[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_queries_without_a_relevant_document_are_left_out(folder: Path) -> None:
    dataset = read_dataset(folder)
    assert dataset.queries == {"q1": "what?"}
    assert dataset.qrels == {"q1": {"d1": 1, "d2": 0}}
    assert dataset.judgements == 2


def test_the_hash_is_of_what_is_asked_and_what_is_right(folder: Path) -> None:
    before = read_dataset(folder).sha256
    (folder / "qrels" / "test.tsv").write_text("q1\td1\t2\n")
    assert read_dataset(folder).sha256 != before


def test_the_hash_of_the_corpus_follows_its_text(folder: Path) -> None:
    passages, before = read_corpus(folder)
    assert [(p.id, p.title, p.text) for p in passages] == [("d1", "T", "one"), ("d2", "", "two")]
    write(folder / "corpus.jsonl", [{"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "text": "three"}])
    assert read_corpus(folder)[1] != before


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("corpus.jsonl", "", "no document"),
        ("corpus.jsonl", '{"_id": "a"}\n{"_id": "a"}\n', "'a' comes twice"),
        ("corpus.jsonl", '{"text": "a"}\n', "Line 1 .* has no `_id`"),
        ("corpus.jsonl", "[1]\n", "Line 1 .* not a JSON object"),
        ("queries.jsonl", '\n{"_id":\n', "Line 2 .* is not JSON"),
        ("queries.jsonl", '{"_id": "q2", "text": "why?"}\n', "no text .* 'q1'"),
        ("qrels/test.tsv", "q1 d1 1\n", "Line 1 .* with tabs between"),
        ("qrels/test.tsv", "q1\td1\t0\n", "No query"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(folder: Path, file: str, text: str, said: str) -> None:
    (folder / file).write_text(text, "utf-8")
    with pytest.raises(InputError, match=said):
        (read_corpus if file == "corpus.jsonl" else read_dataset)(folder)


def test_a_missing_split_says_what_a_folder_has(folder: Path) -> None:
    with pytest.raises(InputError, match=r"dev\.tsv.* cannot be read") as error:
        read_dataset(folder, split="dev")
    assert error.value.hint is not None
    assert "qrels/test.tsv" in error.value.hint
