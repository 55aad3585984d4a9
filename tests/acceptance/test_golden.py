"""The sample corpus and its golden questions, through the whole engine.

The floors lie a little below what was measured (`benchmarks/results/golden.json`), so that a change for the worse
shows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit import Ragkit
from ragkit.evaluate.golden import MODE, missed, read_golden
from ragkit.settings import load


@pytest.fixture(scope="module")
def kit(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ragkit]:
    home = tmp_path_factory.mktemp("golden") / "var"
    shutil.copytree(sample, home, symlinks=True)
    with Ragkit.open(load(home=home)) as kit:
        yield kit


def test_the_golden_questions_are_answered_from_the_right_source(kit: Ragkit, repository: Path) -> None:
    found = kit.evaluate.golden(repository / "data" / "golden" / "questions.jsonl")
    wrong = missed(kit.evaluate.per_question(found.id))
    assert found.missing == ()
    shares = found.measures[MODE]
    assert shares["source_in_3"] >= 0.90, wrong["source_in_3"]
    assert shares["facts"] >= 0.78, wrong["facts"]
    assert shares["refused_rightly"] >= 0.65, wrong["refused_rightly"]
    assert shares["refused_wrongly"] <= 0.10, wrong["refused_wrongly"]


def test_every_citation_stands_in_its_document_word_for_word(kit: Ragkit, repository: Path) -> None:
    asked = [q for q in read_golden(repository / "data" / "golden" / "questions.jsonl") if not q.must_refuse]
    cited = [citation for question in asked[::4] for citation in kit.ask(question.question).citations]
    assert cited
    for citation in cited:
        assert kit.documents.get(citation.document_id).text[citation.start : citation.end] == citation.quote
