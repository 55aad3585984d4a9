from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.reader import Reader
from ragkit.statements import WEIGHTS, Statement, ranked
from ragkit.testing import HashedEmbedder
from ragkit.types import Hit

READER = Reader(HashedEmbedder())


def hit(text: str, *, title: str = "Policy", uri: str = "u", heading: str = "") -> Hit:
    return Hit(
        rank=1, score=1.0, via=("dense",), document_id=uri, uri=uri, title=title, page=None, heading=heading,
        chunk_id="c", start=0, end=len(text), text=text,
    )  # fmt: skip


def said(question: str, *hits: Hit) -> list[str]:
    return [statement.said for statement in ranked(READER.read(question, hits))]


def of(question: str, start: str, *hits: Hit) -> Statement:
    return next(one for one in ranked(READER.read(question, hits)) if one.said.startswith(start))


def test_the_probabilities_are_those_of_one_answer() -> None:
    found = ranked(READER.read("When are refunds paid?", [hit("Parking is free. Refunds are paid in 30 days.")]))
    assert [one.said for one in found] == ["Refunds are paid in 30 days.", "Parking is free."]
    assert math.isclose(sum(one.probability for one in found), 1)
    assert found[0].probability > 0.5


def test_every_feature_has_a_weight() -> None:
    found = ranked(READER.read("When are refunds paid?", [hit("Refunds are paid in 30 days.")]))
    assert found[0].features.keys() == WEIGHTS.keys()


def test_a_row_is_found_by_its_header_and_its_code() -> None:
    table = "| Bike | Next service |\n| PB-1041 | in May |\n| PB-1042 | in June |"
    other = "Every bike is brought to its next service on time."
    assert (
        said("When is the next service of PB-1042?", hit(other), hit(table))[0]
        == "Bike: PB-1042; Next service: in June"
    )


def test_a_sentence_that_points_back_is_said_with_the_one_before() -> None:
    text = "The Team plan ends soon. It has a price of 12 EUR until 3 May."
    assert text in said("What is the price of the Team plan?", hit(text))


def test_a_value_of_the_kind_that_is_asked_for_is_preferred() -> None:
    text = "Refunds are paid to the card soon. Refunds are paid to the card in 30 days."
    assert said("How long until refunds are paid to the card?", hit(text))[0].endswith("in 30 days.")


@pytest.mark.parametrize("named", ["title", "uri"])
def test_the_newer_edition_comes_first(named: str) -> None:
    old, new = ({named: f"Handbook {year}"} for year in (2025, 2026))
    hits = [hit("Refunds are paid within 30 days.", **old), hit("Refunds are paid within 14 days.", **new)]
    assert said("How quickly are refunds paid?", *hits)[0] == "Refunds are paid within 14 days."
    assert of("How quickly were refunds paid in 2025?", "Refunds", *hits).marker == 1


def test_what_stands_beyond_the_embedders_reach_can_still_be_said() -> None:
    text = "Nothing is said here. " * 80 + "Refunds are paid within 30 days."
    assert "Refunds are paid within 30 days." in said("When are refunds paid?", hit(text))


@given(st.text(max_size=80), st.text(max_size=300))
def test_any_text_can_be_ranked(question: str, text: str) -> None:
    found = ranked(READER.read(question, [hit(text), hit("")]))
    assert not found or math.isclose(sum(one.probability for one in found), 1, abs_tol=1e-6)
