"""Excerpts found again in what was ingested, and how much of them a budget of tokens brings back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import InputError
from ragkit.evaluate.chunking import Excerpts, TokenText, lost, measure, overlap, read_excerpts

RAW = "# Tides\n\nThe **moon** pulls the sea.\nIt comes twice.\n\n\n\nBees dance. The moon is full.\n"
TEXT = "# Tides\n\nThe moon pulls the sea. It comes twice.\n\nBees dance. The moon is full."


def folder_of(tmp_path: Path, rows: list[dict[str, Any]]) -> Path:
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / "nature.md").write_text(RAW)
    with (tmp_path / "questions_df.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["question", "references", "corpus_id"])
        writer.writeheader()
        writer.writerows(row | {"references": json.dumps(row["references"])} for row in rows)
    return tmp_path


def excerpt(content: str) -> dict[str, Any]:
    start = RAW.index(content)
    return {"content": content, "start_index": start, "end_index": start + len(content)}


def test_a_folder_is_read_with_its_places(tmp_path: Path) -> None:
    asked = {"question": "What dances?\nSay.", "references": [excerpt("Bees dance.")], "corpus_id": "nature"}
    found = read_excerpts(folder_of(tmp_path, [asked]))
    ((name, start, end),) = found.excerpts[0]
    assert (name, RAW[start:end]) == ("nature.md", "Bees dance.")
    assert found.questions == ("What dances?\nSay.",)
    assert found.corpora == {"nature.md": RAW}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"references": [{"content": "x", "start_index": 0, "end_index": 1}], "corpus_id": "nature"},
            "not stand where",
        ),
        ({"references": [], "corpus_id": "history"}, "'history'"),
        ({"references": [{"content": "x"}], "corpus_id": "nature"}, "start_index"),
        ({"references": [excerpt("Bees dance.") | {"start_index": "a"}], "corpus_id": "nature"}, "invalid literal"),
        ({"references": [excerpt("Bees dance.") | {"content": "x" * 140_000}], "corpus_id": "nature"}, "not stand"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_excerpts(folder_of(tmp_path, [row | {"question": "?"}]))


@pytest.mark.parametrize("content", ["The **moon** pulls the sea.\nIt", "Bees dance. The moon", "The moon is full."])
def test_an_excerpt_is_found_where_the_parser_has_changed_marks_and_spaces(content: str) -> None:
    tokens = TokenText(TEXT, RAW)
    start = RAW.index(content)
    found = tokens.find(start, start + len(content))
    plain = content.replace("*", "").replace("\n", " ")
    assert found == tokens.tokens(TEXT.rindex(plain), TEXT.rindex(plain) + len(plain.rstrip(".")))


def test_what_was_not_ingested_counts_as_not_found() -> None:
    given_ = Excerpts(name="x", corpora={"a": RAW}, questions=("?",), excerpts=((("a", 0, len(RAW)), ("b", 0, 40)),))
    texts = {"a": TokenText("something else", RAW)}
    assert lost(given_, texts) == 2
    values = measure(given_, texts, {"dense": lambda question: [("a", 0, 14)]}, budget=10).values["dense"]
    assert values == {"recall": (0.0,), "precision": (0.0,), "IoU": (0.0,)}


def test_a_budget_cuts_the_last_passage_and_repeats_are_paid_for() -> None:
    relevant = [("a", token) for token in range(10)]
    assert overlap(relevant, [("a", range(5)), ("a", range(5, 20))], budget=10) == (1.0, 1.0, 1.0)
    assert overlap(relevant, [("a", range(5)), ("a", range(5)), ("a", range(5, 10))], budget=10) == (0.5, 0.5, 1 / 3)
    assert overlap(relevant, [], budget=10) == (0.0, 0.0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=6), st.integers(1, 80))
def test_measures_of_any_passages_lie_between_0_and_1(passages: list[tuple[int, int]], budget: int) -> None:
    retrieved = [("a", range(start, start + length)) for start, length in passages]
    recall, precision, iou = overlap([("a", token) for token in range(20)], retrieved, budget=budget)
    assert 0 <= iou <= min(recall, precision) <= max(recall, precision) <= 1
