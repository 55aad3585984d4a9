"""The sample corpus and its golden questions, through the whole engine.

The floors lie a little below what was measured (`benchmarks/results/golden.json`), so that a change for the worse
shows.
"""

from __future__ import annotations

from pathlib import Path

from ragkit import Ragkit
from ragkit.evaluate.golden import MODE, missed, read_golden


def test_the_golden_questions_are_answered_from_the_right_source(repository: Path) -> None:
    with Ragkit.open() as kit:
        found = kit.evaluate.golden(repository / "data/golden/questions.jsonl", corpus=repository / "data/corpus")
        wrong = missed(kit.evaluate.per_question(found.id))
    assert found.missing == ()
    shares = found.measures[MODE]
    assert shares["source_in_3"] >= 0.90, wrong["source_in_3"]
    assert shares["facts"] >= 0.78, wrong["facts"]
    assert shares["refused_rightly"] >= 0.65, wrong["refused_rightly"]
    assert shares["refused_wrongly"] <= 0.10, wrong["refused_wrongly"]


def test_every_citation_stands_in_its_document_word_for_word(repository: Path) -> None:
    with Ragkit.open() as kit:
        kit.ingest(repository / "data" / "corpus")
        asked = [q for q in read_golden(repository / "data" / "golden" / "questions.jsonl") if not q.must_refuse]
        cited = [citation for question in asked[::4] for citation in kit.ask(question.question).citations]
        assert cited
        for citation in cited:
            assert kit.documents.get(citation.document_id).text[citation.start : citation.end] == citation.quote
