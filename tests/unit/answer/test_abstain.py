from __future__ import annotations

import pytest

from ragkit.answer.abstain import Judge, refusal
from ragkit.testing import HashedEmbedder
from ragkit.types import Hit

POLICY = "Refunds are paid within 30 days to the card that was used for the purchase. Gift cards are not refundable."


def hit(text: str = POLICY, *, title: str = "Returns policy 2026", heading: str = "") -> Hit:
    return Hit(
        rank=1, score=1.0, via=("dense",), document_id="d", uri="u", title=title, page=None, heading=heading,
        chunk_id="c", start=0, end=len(text), text=text,
    )  # fmt: skip


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(HashedEmbedder())


def test_what_the_documents_hold_is_answered(judge: Judge) -> None:
    assert judge.reason_to_abstain("Within how many days are refunds paid to the card?", [hit()]) is None


def test_nothing_found_is_no_evidence(judge: Judge) -> None:
    assert judge.reason_to_abstain("Within how many days are refunds paid?", []) == "no_evidence"


def test_another_subject_is_off_topic(judge: Judge) -> None:
    assert judge.reason_to_abstain("Which planet has most moons?", [hit()]) == "off_topic"


@pytest.mark.parametrize(
    "question",
    [
        "Are refunds paid to the card by KV-1305?",
        "Are refunds paid to the card through SEPA?",
        "Are refunds paid to the card since March 2026?",
        "How heavy is the card refunds are paid to?",
        "What is the telephone number for refunds to the card?",
        "Which colour has the card that refunds are paid to?",
    ],
)
def test_a_demand_that_nothing_meets_is_no_evidence(judge: Judge, question: str) -> None:
    assert judge.reason_to_abstain(question, [hit()]) == "no_evidence"


def test_a_title_can_meet_a_demand(judge: Judge) -> None:
    question = "What did the council decide on refunds to the card in March 2026?"
    assert judge.reason_to_abstain(question, [hit(title="Council 2026-03", heading="Refunds to the card")]) is None


def test_a_dated_document_speaks_of_its_date(judge: Judge) -> None:
    question = "What did the council decide on refunds to the card in March 2026?"
    found = hit(f"{POLICY} The council meets again on 10 March 2026.", title="Council of 10 February 2026")
    assert judge.reason_to_abstain(question, [found]) == "no_evidence"


def test_a_refusal_names_what_came_nearest_and_what_to_do() -> None:
    text = refusal([hit(heading="Shops")])
    assert "“Returns policy 2026” (Shops)" in text
    assert "ingest" in text
    assert "nothing" in refusal([])
