from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit.answer.conflicts import disagreement, is_announced, note
from ragkit.protocols import Disagreement
from ragkit.reader import Reader
from ragkit.statements import ranked
from ragkit.testing import HashedEmbedder
from ragkit.types import Hit

READER = Reader(HashedEmbedder())


def hit(text: str, *, title: str = "Policy", uri: str = "a.md") -> Hit:
    return Hit(
        rank=1, score=1.0, via=("dense",), document_id=uri, uri=uri, title=title, page=None, heading="",
        chunk_id=uri, start=0, end=len(text), text=text,
    )  # fmt: skip


def found(question: str, *hits: Hit) -> Disagreement | None:
    reading = READER.read(question, hits)
    return disagreement(reading.asked, ranked(reading), reading.hits)


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (
            "How long can goods be returned?",
            "Goods can be returned in 30 days.",
            "Goods can be returned in 14 days.",
        ),
        ("What does a parcel cost?", "A parcel costs 5 EUR.", "A parcel costs 7.50 EUR."),
        ("When will the gateway come out?", "The gateway comes out in May.", "The gateway comes out in July."),
        ("Who runs the canteen?", "The canteen is run by Ada Berg.", "The canteen is run by Ole Dahl."),
        ("Are gift cards refundable?", "Gift cards are refundable.", "Gift cards are not refundable."),
        ("Dürfen Hunde ins Büro?", "Hunde dürfen ins Büro.", "Hunde dürfen nicht ins Büro."),
        ("What holds for the lift?", "The lift may carry 800 kg of goods.", "The lift may carry 600 kg of goods."),
    ],
)
def test_another_value_of_the_same_is_a_conflict(question: str, one: str, other: str) -> None:
    apart = found(question, hit(one), hit(other, uri="b.md"))
    assert apart is not None
    assert {apart.first[0], apart.second[0]} == {1, 2}
    assert not apart.dated


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How long can goods be returned?", "Goods can be returned in 30 days.", "Goods can be returned in 30 days."),
        ("How long can goods be returned?", "Goods can be returned in 30 days.", "Returned goods go to shelf 14."),
        ("What does a parcel cost?", "A parcel costs 5 EUR.", "A parcel costs 5 EUR, or 9 EUR by express."),
        (
            "How long does the battery last?",
            "The S3 battery lasts 5 years.",
            "The G4 battery lasts 4 years.",
        ),
        ("Are gift cards refundable?", "Gift cards are refundable.", "Opened software is not refundable."),
        ("What are gift cards?", "Gift cards are sold in shops.", "Gift cards are sold online and in all 12 shops."),
    ],
)
def test_additions_and_other_subjects_are_none(question: str, one: str, other: str) -> None:
    assert found(question, hit(one), hit(other, uri="b.md")) is None


def test_one_document_does_not_disagree_with_itself() -> None:
    texts = ("Goods can be returned within 30 days.", "Goods can be returned within 14 days.")
    assert found("How long can goods be returned?", *map(hit, texts)) is None


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"title": "Policy 2023"}, {"title": "Policy 2026"}),
        ({"uri": "x/2026-02-10-minutes.txt"}, {"uri": "x/2026-03-01-minutes.txt"}),
        ({"title": "Guide, version 1.9"}, {"title": "Guide, version 1.10"}),
    ],
)
def test_the_newer_one_comes_first_where_dates_or_editions_say_so(older: dict[str, str], newer: dict[str, str]) -> None:
    old = replace(hit("Goods can be returned within 14 days."), **older)
    new = replace(hit("Goods can be returned within 30 days."), **newer)
    hits = [replace(one, document_id=str(number)) for number, one in enumerate((old, new))]
    apart = found("How long can goods be returned?", *hits)
    assert apart is not None
    assert (apart.first[0], apart.second[0], apart.dated) == (2, 1, True)


def test_a_year_that_is_named_asks_for_an_edition() -> None:
    old = hit("Goods can be returned within 14 days.", title="Policy 2023")
    new = hit("Goods can be returned within 30 days.", title="Policy 2026", uri="b.md")
    assert found("How long could goods be returned in 2023?", old, new) is None


def test_a_year_says_nothing_beside_a_day_of_it() -> None:
    plan = hit("The gateway comes out in May.", title="Roadmap 2026")
    minutes = hit("The gateway comes out in July.", title="Minutes", uri="2026-02-10.txt")
    apart = found("When will the gateway come out?", plan, minutes)
    assert apart is not None
    assert not apart.dated


def test_a_model_is_told_in_a_sentence() -> None:
    assert note(None) == ""
    told = note(Disagreement(first=(3, 0), second=(1, 0), dated=True))
    assert "Sources 1 and 3 seem to disagree" in told
    assert "Source 3 is the newer one" in told
    assert "newer" not in note(Disagreement(first=(3, 0), second=(1, 0), dated=False))


@pytest.mark.parametrize(
    "sentence",
    [
        "The sources disagree.",
        "These two sources contradict each other on this:",
        "Die Quellen widersprechen sich: „Policy“ ist neuer als „Policy“ und steht zuerst.",
        "Die beiden Quellen widersprechen einander dazu.",
    ],
)
def test_that_sources_disagree_is_said_in_two_languages(sentence: str) -> None:
    assert is_announced(sentence, [hit("")])
    assert not is_announced(f"{sentence[:-1]}, sagt Anna.", [hit("")])


def test_a_version_of_thousands_of_digits_is_none() -> None:
    question, one, other = (
        "How long can goods be returned?",
        "Goods can be returned in 30 days.",
        "In 14 days goods can be returned.",
    )
    long = "version " + "9" * 5000
    apart = found(question, replace(hit(one), title=long), replace(hit(other, uri="b.md"), title="version 2"))
    assert apart is not None


def test_hours_with_a_decimal_comma_are_what_they_are() -> None:
    one, other = (f"Die Prüfung dauert {hours} Stunden." for hours in ("1,5", "2,5"))
    assert found("Wie lange dauert die Prüfung?", hit(one), hit(other, uri="b.md")) is not None
