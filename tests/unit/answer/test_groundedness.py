from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.answer.citations import hold
from ragkit.answer.groundedness import Check, signs
from ragkit.answer.windows import best_windows, claim_of
from ragkit.reader import Reader
from ragkit.types import Hit

EVIDENCE = "Refunds are paid within 30 days to the card that was used, and gift cards are not refundable."


def check(claim: str, evidence: str, *, context: str = "", reader: Reader | None = None) -> Check:
    return hold(claim, [hit(evidence, context)], reader)


def hit(text: str, title: str = "") -> Hit:
    return Hit(
        rank=1, score=1.0, via=(), document_id="d", uri="u", title=title, page=None, heading="", chunk_id="c",
        start=0, end=len(text), text=text,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("Refunds are paid within 30 days.", "supported"),
        ("Within thirty days refunds are paid to the card that was used.", "supported"),
        ("Refunds are paid within 14 days.", "contradicted"),
        ("Gift cards are refundable.", "contradicted"),
        ("Refunds are not paid to the card that was used.", "contradicted"),
        ("Gift cards are not refundable.", "supported"),
        ("Refunds are paid after a manager has approved the return in the warehouse.", "unsupported"),
        ("The warehouse is in Bodø.", "unsupported"),
    ],
)
def test_verdicts(claim: str, verdict: str) -> None:
    assert check(claim, EVIDENCE).verdict == verdict


def test_a_mismatch_costs_the_score() -> None:
    assert check("Refunds are paid within 14 days.", EVIDENCE).score <= 0.3


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("Apply before the deadline of the fund.", "Apply after the deadline of the fund."),
        ("The maximum temperature is 8 degrees.", "The minimum temperature is 8 degrees."),
        ("The fee is 1,250 euros.", "The fee is 1,350 euros."),
        ("It was signed on 3 June 2025.", "It was signed on 3 June 2024."),
        ("The prize of the academy went to Hallberg.", "In May, the prize of the academy went to Lindqvist."),
        ("The main square is called 'Ravnplass'.", "It is a town. The main square is called 'Kongeplass'."),
        (
            "The harbour of Vik is Ravnoya.",
            "What is the harbour of Vik, as the guide has it? The harbour of Vik is Storoya.",
        ),
    ],
)
def test_opposites_and_other_numbers_contradict(claim: str, evidence: str) -> None:
    assert check(claim, evidence).verdict == "contradicted"
    assert check(evidence, evidence).verdict == "supported"


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("The fee is 1000 euros.", "The fee is 1,000.00 euros."),
        ("You get two days off.", "You get 2 days off."),
        ("Error E-4012 means a timeout.", "A timeout is reported as error E-4012."),
    ],
)
def test_numbers_compare_by_value(claim: str, evidence: str) -> None:
    assert check(claim, evidence).verdict == "supported"


def test_what_stands_above_the_evidence_can_support() -> None:
    claim, row = "The Team plan costs 12 euros.", "Team plan; 12 euros"
    assert check("Version 6.3 fixed the alarm.", "Fixed the alarm.").verdict == "unsupported"
    assert check("Version 6.3 fixed the alarm.", "Fixed the alarm.", context="Version 6.3").verdict == "supported"
    assert check(claim, row, context="Plan and costs").verdict == "supported"


def test_a_name_that_is_missing_without_another_in_its_place_does_not_contradict() -> None:
    found = check("The prize of the academy went to Hallberg.", "The prize of the academy went to a young physicist.")
    assert found.verdict != "contradicted"


def test_another_number_in_the_place_of_one_counts_where_the_rest_is_there() -> None:
    evidence = "The library lends 40 laptops and 12 cameras; in the spring, 900 guests came to its 30 lectures."

    def moved(text: str) -> float:
        claim = claim_of(text)
        return signs(claim, best_windows(claim, [hit(evidence)], None))["number_moved"]

    assert moved("The library lends 12 laptops.") > 0
    assert moved("Whoever studies may borrow 12 devices for taking pictures, and 40 for writing.") == 0


def test_what_both_sides_deny_is_no_contradiction() -> None:
    claim = "Free subscription for research projects: research projects have 25 sensors without subscription fees."
    evidence = "Decision: research projects have 25 sensors without subscription fees for two years."
    assert check(claim, evidence, context="Free subscription for research projects").verdict == "supported"


@given(st.text(), st.text())
def test_any_text_gets_a_verdict(claim: str, evidence: str) -> None:
    assert 0 <= check(claim, evidence).score <= 1


@given(st.text())
def test_a_text_supports_itself(text: str) -> None:
    assert check(text, text).verdict == "supported"


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("The limit is 5 degrees.", "The limit is -5 degrees."),
        ("It grew by 3 %.", "It grew by −3 %."),  # noqa: RUF001
        ("The effect was significant (p < 0.05).", "The effect was significant (p > 0.05)."),
        ("Temperature must be ≥ 40 °C.", "Temperature must be ≤ 40 °C."),
        ("Refunds are paid within 14 days.", "It is not true that refunds are paid within 14 days."),
        ("Employees may enter the lab.", "No employees may enter the lab."),
        (
            "Smoking is allowed in the building.",
            "Nowhere in the rules does it say that smoking is allowed in the building.",
        ),
    ],
)
def test_a_lost_sign_or_negation_is_not_supported_word_for_word(claim: str, evidence: str) -> None:
    assert check(claim, evidence).verdict != "supported"


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("The limit is -5 degrees.", "The limit is −5 degrees."),  # noqa: RUF001
        ("Sales in Norway fell by 3 % in May.", "Sales in Norway in May: −3 %."),  # noqa: RUF001
        ("The pump has 12 valves since 2024-05-12.", "Since 2024-05-12 the pump has 12 valves."),
        ("Refunds are paid within 30 days.", "Refunds are paid within 30 days. Gift cards are never refunded."),
    ],
)
def test_a_sign_that_is_none_costs_nothing(claim: str, evidence: str) -> None:
    assert check(claim, evidence).verdict == "supported"


@pytest.mark.parametrize("claim", ["No.", "No, they are not.", "Yes.", "Nein."])
def test_a_mere_yes_or_no_is_not_fully_supported_by_anything(claim: str) -> None:
    assert check(claim, "Refunds are paid to everybody within 14 days.").verdict == "partly"


def test_no_evidence_supports_nothing() -> None:
    assert hold("Refunds take 14 days.", []).verdict == "unsupported"
