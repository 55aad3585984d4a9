"""A small test collection through the product's own ingestion and search, by the engine and by the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ragkit.app import Ragkit
from ragkit.cli import app
from ragkit.errors import InputError, NotFound
from ragkit.evaluate.measures import MEASURES
from ragkit.settings import load

TEXTS = {
    "bees": "Bees dance to tell each other where the flowers are.",
    "tides": "The moon pulls the sea, and the tide comes in twice a day.",
    "rust": "Iron that is wet turns to rust, which flakes off.",
    "tea": "Tea is picked by hand on the hills, leaf by leaf.",
    "copy": "Tea is picked by hand on the hills, leaf by leaf.",
    "dots": "… … …",
    "title": "",
}
QUERIES = {"q1": "Why does the sea rise?", "q2": "How do bees find flowers?", "q3": "picking tea leaves"}
RELEVANT = {"q1": ["tides"], "q2": ["bees"], "q3": ["tea", "copy"]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(models)
    return home


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beir") / "Nature & more"
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": key, "title": f"On {key}" if key == "title" else "", "text": text} for key, text in TEXTS.items()]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"_id": key, "text": text} for key, text in QUERIES.items()]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    judged = [f"{query}\t{document}\t1\n" for query, documents in RELEVANT.items() for document in documents]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))
    return folder


@pytest.fixture(scope="module")
def kit(home: Path) -> Iterator[Ragkit]:
    with Ragkit.open(load(home=home)) as kit:
        yield kit


def test_a_second_evaluation_embeds_nothing_and_measures_the_same(kit: Ragkit, folder: Path) -> None:
    first = kit.evaluate.retrieval(folder, modes=("dense", "keyword", "hybrid"))
    assert list(first.measures) == ["dense", "keyword", "hybrid"]
    assert all(tuple(measures) == MEASURES for measures in first.measures.values())
    assert first.measures["hybrid"]["recall@10"] == 1.0, "both copies of one text are found"
    assert first.missing == ()
    assert first.settings["ingested"]["added"] == len(TEXTS)
    second = kit.evaluate.retrieval(folder, modes=("dense", "keyword", "hybrid"))
    assert second.collection == first.collection
    assert second.settings["ingested"] | {"seconds": 0} == {
        "added": 0, "updated": 0, "unchanged": len(TEXTS), "chunks": 0, "embedded": 0, "seconds": 0,
    }  # fmt: skip
    assert second.measures == first.measures
    compared = kit.evaluate.compare(second.id)
    assert compared.against == first.id
    assert compared.better["hybrid"] == compared.worse["hybrid"] == ()


def test_a_collection_of_ones_own_is_judged_by_the_end_of_the_uri(kit: Ragkit, folder: Path, tmp_path: Path) -> None:
    for key in ("bees", "tides", "rust"):
        (tmp_path / f"{key}.md").write_text(TEXTS[key])
    kit.ingest(tmp_path, collection="own")
    asked = tmp_path / "asked"
    (asked / "qrels").mkdir(parents=True)
    (asked / "queries.jsonl").write_text((folder / "queries.jsonl").read_text())
    (asked / "qrels" / "test.tsv").write_text("q1\ttides.md\t1\nq2\tbees.md\t1\nq3\ttea.md\t1\n")
    found = kit.evaluate.retrieval(asked, collection="own")
    assert found.measures["hybrid"]["recall@10"] == pytest.approx(2 / 3, abs=1e-4)
    assert found.notes == ("1 judged documents are not in the corpus, such as 'tea.md'.",)
    with pytest.raises(NotFound, match="'nowhere'"):
        kit.evaluate.retrieval(asked, collection="nowhere")


def test_a_mode_that_cannot_be_used_leaves_nothing_stored(kit: Ragkit, folder: Path) -> None:
    stored = kit.evaluate.list()
    with pytest.raises(InputError, match="no mode 'psychic'"):
        kit.evaluate.retrieval(folder, modes=("psychic",))  # type: ignore[arg-type]
    assert kit.evaluate.list() == stored


def test_the_command_prints_one_object_and_finds_its_runs_again(
    home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_HOME", str(home))
    command = ["evaluate", "retrieval", str(folder), "--mode", "keyword,dense", "--against", "last", "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert set(printed["measures"]) == {"dense", "keyword"}
    assert set(printed["measures"]["keyword"]) == set(MEASURES)
    assert printed["comparison"]["differences"]["dense"]["nDCG@10"]["mean"] == 0
    listed = CliRunner().invoke(app, ["evaluate", "runs"])
    assert printed["id"] in listed.stdout
    shown = CliRunner().invoke(app, ["evaluate", "show", printed["id"]])
    assert "nDCG@10" in shown.stdout
    assert "3 questions" in shown.stdout
    assert CliRunner().invoke(app, ["evaluate", "retrieval", str(folder), "--mode", "fuzzy"]).exit_code == 2


def test_passages_are_measured_by_highlighted_excerpts(kit: Ragkit, tmp_path: Path) -> None:
    text = "# Nature\n\n" + "\n\n".join(TEXTS[key] for key in ("bees", "tides", "rust", "tea")) + "\n"
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / "nature.md").write_text(text)
    start = text.index("The moon")
    reference = {"content": text[start : start + 23], "start_index": start, "end_index": start + 23}
    row = [QUERIES["q1"], json.dumps([reference]).replace('"', '""'), "nature"]
    (tmp_path / "questions_df.csv").write_text('question,references,corpus_id\n"{}","{}",{}\n'.format(*row))
    found = kit.evaluate.chunking(tmp_path, budget=1_000)
    assert found.measures["hybrid"]["recall"] == 1.0
    assert 0 < found.measures["hybrid"]["precision"] < 0.5
    assert found.notes == ()


def test_golden_questions_are_asked_of_a_folder_and_of_what_is_there(kit: Ragkit, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for key in ("bees", "tides", "rust", "tea"):
        (tmp_path / "docs" / f"{key}.txt").write_text(TEXTS[key])
    file = tmp_path / "asked.jsonl"
    asked = {"question": "How do bees tell where the flowers are?", "must_cite": ["bees.txt"], "must_say": ["dance"]}
    file.write_text(json.dumps(asked) + "\n" + json.dumps({"question": "Who won the cup?", "must_refuse": True}) + "\n")
    found = kit.evaluate.golden(file, corpus=tmp_path / "docs")
    assert found.measures["ask"] == {
        "source_in_3": 1.0, "source_first": 1.0, "facts": 1.0, "citation_precision": 1.0, "citation_recall": 1.0,
        "refused_wrongly": 0.0, "refused_rightly": 1.0,
    }  # fmt: skip
    again = kit.evaluate.golden(file, collection=found.collection)
    assert kit.evaluate.compare(again.id, against=found.id).worse["ask"] == ()
