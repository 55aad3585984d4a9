"""Copies and editions of documents, from files to hits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ragkit.answer.abstain import ANSWERABLE
from ragkit.app import Ragkit
from ragkit.errors import InputError
from ragkit.evaluate.tuning import OFFSETS
from ragkit.ingest.pipelines import Pipeline, Retrieval
from ragkit.parts import state_of
from ragkit.settings import load
from ragkit.types import Filters, Hit, Mode

MODES: tuple[Mode, ...] = ("hybrid", "dense", "keyword", "hybrid+rerank")
RULES = "".join(f"\n\nRule {n}: whoever does task {n} tells the office on day {n * 7 % 31}." for n in range(40))
EDITIONS = {"four": "2024-05-01", "five": "2026-05-01", "six": "2025-05-01"}
FILES = {
    "equal": {"a.txt": "The parcel arrives in three days.", "b.txt": "The parcel arrives in three days.\n"},
    "copies": {f"copy{n}.txt": "The parcel arrives in three days." for n in range(60)}
    | {"late.txt": "A parcel that is late arrives in nine days.", "far.txt": "The parcel goes far, too."},
    "editions": {
        f"{hour}.md": f"---\ndate: {date}\n---\n\nThe office closes at {hour} on Fridays.{RULES}"
        for hour, date in EDITIONS.items()
    },
}
"""The files of each collection."""


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Ragkit]:
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(models)
    with Ragkit.open(load(home=home)) as kit:
        for collection, files in FILES.items():
            (home / collection).mkdir()
            for name, text in files.items():
                (home / collection / name).write_text(text, "utf-8")
            kit.ingest(home / collection, collection=collection)
        yield kit


def names(hit: Hit) -> set[str]:
    return {Path(uri).name for uri in (hit.uri, *hit.also_in)}


@pytest.mark.parametrize("mode", MODES)
def test_two_files_with_equal_content_are_one_hit_that_names_both(kit: Ragkit, mode: Mode) -> None:
    (hit,) = kit.search("When does the parcel arrive?", collection="equal", mode=mode).hits
    assert names(hit) == {"a.txt", "b.txt"}
    assert len(kit.documents.list(collection="equal")) == 2


@pytest.mark.parametrize("mode", MODES)
def test_copies_do_not_crowd_out_other_passages(kit: Ragkit, mode: Mode) -> None:
    hits = kit.search("the parcel arrives in three days", collection="copies", k=3, mode=mode).hits
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert len({hit.text for hit in hits}) == 3
    assert sorted(len(hit.also_in) for hit in hits) == [0, 0, 59]


def test_many_at_a_time_find_what_each_finds_alone(kit: Ragkit) -> None:
    questions = [f"Who does task {n}, and on which day of the month is the office told?" for n in range(12)]

    def found(question: str) -> list[float]:
        return [hit.score for hit in kit.search(question, collection="editions", mode="hybrid").hits]

    alone = [found(question) for question in questions]
    with ThreadPoolExecutor(max_workers=len(questions)) as threads:
        together = list(threads.map(found, questions))
    assert all(together)
    assert together == [pytest.approx(scores, abs=0.01) for scores in alone]


def test_a_process_that_says_it_is_ready_has_read_what_the_first_question_would_wait_for(kit: Ragkit) -> None:
    home = kit._kit._parts.settings.home
    with Ragkit.open(load(home=home, collection="equal")) as fresh:
        parts = fresh._kit._parts
        assert state_of(parts.probes["search"]) == "ok"
        dense = parts.retriever._dense
        assert dense._directories is not None
        assert [len(kept.directory or ()) for kept in dense._directories._kept.values()] == [2]
        assert dense.embedded.cache_info().misses == 1


def test_a_collection_that_is_not_there_yet_keeps_no_service_from_being_ready(kit: Ragkit) -> None:
    assert state_of(kit._kit._parts.probes["search"]) == "ok"


def test_a_filter_hides_the_other_sources_of_a_passage(kit: Ragkit) -> None:
    (second,) = [document for document in kit.documents.list(collection="equal") if document.uri.endswith("b.txt")]
    filters = Filters(document_ids=(second.id,))
    (hit,) = kit.search("parcel", collection="equal", filters=filters).hits
    assert names(hit) == {"b.txt"}


@pytest.mark.parametrize("mode", MODES)
def test_of_several_editions_the_newest_is_shown_first(kit: Ragkit, mode: Mode) -> None:
    question = "When does the office close on Fridays?"
    hits = kit.search(question, collection="editions", k=3, mode=mode).hits
    assert [name for hit in hits for name in names(hit)] == ["five.md", "six.md", "four.md"]


def test_a_pipeline_says_what_its_documents_count(kit: Ragkit, home: Path) -> None:
    (home / "wiki").mkdir()
    (home / "wiki" / "old.md").write_text("---\ndate: 2019-01-01\n---\n\nThe canteen opens at noon, says the wiki.")
    (home / "blog").mkdir()
    (home / "blog" / "post.md").write_text("Lunch is what people talk of when the canteen has opened.")
    question = "When does the canteen open?"

    def told(retrieval: Retrieval, *, dry_run: bool = False) -> list[tuple[str, float | None]]:
        for name, mine in (("wiki", retrieval), ("blog", Retrieval())):
            pipeline = Pipeline(name=name, source=home / name, collection="weighed", retrieval=mine)
            kit.ingest_pipeline(pipeline, dry_run=dry_run)
        explained = kit.explain(question, collection="weighed")
        hits = kit.search(question, collection="weighed").hits
        assert [one.uri for one in explained.candidates if one.rank] == [hit.uri for hit in hits]
        return [(one.uri, one.weight) for one in explained.candidates if one.rank]

    assert told(Retrieval()) == [("wiki/old.md", None), ("blog/post.md", None)]
    assert told(Retrieval(weight=0.1)) == [("blog/post.md", None), ("wiki/old.md", 0.1)]
    ((first, _), (last, faded)) = told(Retrieval(half_life="2y"))
    assert (first, last) == ("blog/post.md", "wiki/old.md")
    assert faded is not None
    assert faded < 0.1
    assert told(Retrieval(weight=50), dry_run=True)[1] == ("wiki/old.md", pytest.approx(faded, abs=1e-3))
    assert told(Retrieval()) == [("wiki/old.md", None), ("blog/post.md", None)]


def test_what_the_reranker_keeps_of_a_passage_goes_with_its_document(kit: Ragkit, home: Path) -> None:
    (home / "gone").mkdir()
    (home / "gone" / "one.txt").write_text("The zeppelin lands at noon.", "utf-8")
    kit.ingest(home / "gone", collection="gone")
    question = "When does the zeppelin land?"
    first = kit.search(question, collection="gone", mode="hybrid+rerank").hits
    assert kit.search(question, collection="gone", mode="hybrid+rerank").hits == first
    assert first[0].via == ("dense", "keyword", "rerank")
    kit.documents.delete(first[0].document_id)
    assert kit.search(question, collection="gone", mode="hybrid+rerank").hits == ()


def test_a_collection_is_tuned_by_questions_and_searched_so_from_then_on(kit: Ragkit, home: Path) -> None:
    (home / "tuned").mkdir()
    lines = []
    for n in range(24):
        (home / "tuned" / f"{n}.txt").write_text(f"Rule {n}: whoever does task {n} tells the office.", "utf-8")
        lines.append(json.dumps({"question": f"What does rule {n} say of task {n}?", "must_cite": [f"{n}.txt"]}))
    kit.ingest(home / "tuned", collection="tuned")
    (home / "questions.jsonl").write_text("\n".join(lines), "utf-8")
    found = kit.evaluate.tune(home / "questions.jsonl", collection="tuned")
    assert (found.questions, set(found.tried)) == (24, {f"{offset:+.1f}" for offset in OFFSETS})
    assert not found.kept or found.gain.low >= 0
    assert found.tried[f"{found.offset:+.1f}"] >= found.default
    made = kit.evaluate.tune(collection="tuned")
    assert (found.synthetic, made.synthetic, made.questions) == (False, True, 24)
    assert made.kept == (made.offset != 0 and made.gain.mean > 0 and made.gain.low >= 0)


def test_a_collection_answers_as_rarely_as_it_was_tuned_to(kit: Ragkit, home: Path) -> None:
    (home / "sure").mkdir()
    lines = []
    for n in range(16):
        (home / "sure" / f"{n}.txt").write_text(f"The locker {n} is opened by key {n} of the porter.", "utf-8")
        lines.append({"question": f"Which key opens the locker {n}?", "must_cite": [f"{n}.txt"]})
        lines.append({"question": f"Who painted the ceiling over locker {n} in spring?", "must_refuse": True})
    kit.ingest(home / "sure", collection="sure")
    file = home / "golden.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    found = kit.evaluate.precision(file, wanted=0.5, collection="sure")
    tuned = kit.explain("key", collection="sure").answers_from
    assert found.questions == 32
    assert tuned == found.least
    evidence = kit.ask("Which key opens the locker 3?", collection="sure").evidence
    assert evidence is not None
    assert (evidence.tuned, evidence.least) == (found.kept, found.least if found.kept else ANSWERABLE)
    kit.evaluate.forget_precision(collection="sure")
    assert kit.explain("key", collection="sure").answers_from is None
    with pytest.raises(InputError, match=r"cannot be 1\.5"):
        kit.evaluate.precision(file, wanted=1.5, collection="sure")
