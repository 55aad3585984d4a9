from __future__ import annotations

import pytest

from ragkit.answer.abstain import ANSWERABLE, WEIGHTS, Judge, is_vague, probability, refusal
from ragkit.answer.evidence import signs
from ragkit.reader import Reader
from ragkit.statements import ranked
from ragkit.testing import HashedEmbedder
from ragkit.types import Hit

POLICY = "Refunds are paid within 30 days to the card that was used for the purchase. Gift cards are not refundable."


def hit(text: str = POLICY, *, title: str = "Returns policy 2026", heading: str = "", uri: str = "u") -> Hit:
    return Hit(
        rank=1, score=1.0, via=("dense",), document_id=uri, uri=uri, title=title, page=None, heading=heading,
        chunk_id="c", start=0, end=len(text), text=text,
    )  # fmt: skip


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Reader(HashedEmbedder()))


def test_what_the_documents_hold_is_answered(judge: Judge) -> None:
    assert judge.reason_to_abstain("Within how many days are refunds paid to the card?", [hit()]) is None


def test_a_tuned_collection_asks_for_more(judge: Judge) -> None:
    question = "Within how many days are refunds paid to the card?"
    first = judge.judge(question, [hit()])
    assert first.evidence is not None
    assert (first.reason, first.evidence.least, first.evidence.tuned) == (None, ANSWERABLE, False)
    again = judge.judge(question, [hit()], least=0.9999)
    assert again.evidence is not None
    assert (again.reason, again.evidence.tuned) == ("no_evidence", True)
    assert again.evidence.probability == first.evidence.probability
    assert judge.judge(question, []).evidence is None


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


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Are refunds paid to the card of Northgate?", hit(uri="contracts/refunds-northgate.docx")),
        ("Are refunds paid to the card of Northgate?", hit(f"{POLICY} Ask kim@northgate.example.")),
    ],
)
def test_a_name_in_the_files_name_or_in_an_address_is_not_missing(question: str, found: Hit) -> None:
    reader = Reader(HashedEmbedder())
    readings = [reader.read(question, [one]) for one in (hit(), found)]
    missing, there = (signs(reading, ranked(reading), reading.hits) for reading in readings)
    assert (missing["name"], there["name"]) == (1.0, 0.0)
    assert probability(missing) < probability(there)


def test_a_date_that_is_asked_for_and_not_there_speaks_against_an_answer() -> None:
    reader = Reader(HashedEmbedder())
    questions = [f"Within how many days were refunds paid to the card in {year}?" for year in (2026, 1987)]
    readings = [reader.read(question, [hit()]) for question in questions]
    there, missing = (signs(reading, ranked(reading), [hit()]) for reading in readings)
    assert (there["date"], missing["date"]) == (0.0, 1.0)
    assert probability(missing) < probability(there)


@pytest.mark.parametrize(
    ("sign", "straight", "turned"),
    [
        ("negation", "Which refunds are paid to the card?", "Which refunds are not paid to the card?"),
        ("opposite", "What is required of a refund?", "What is optional for a refund?"),
    ],
)
def test_a_question_the_other_way_round_is_less_likely_answered(sign: str, straight: str, turned: str) -> None:
    reader, found = Reader(HashedEmbedder()), hit("Refunds are paid to the card. A receipt is required of a refund.")
    readings = [reader.read(question, [found]) for question in (straight, turned)]
    same, other = (signs(reading, ranked(reading), [found]) for reading in readings)
    assert (same[sign], other[sign]) == (0.0, 1.0)
    assert probability(other) < probability(same)


def test_passages_that_say_nothing_are_no_evidence(judge: Judge) -> None:
    assert judge.reason_to_abstain("Are refunds paid?", [hit("# Refunds")]) == "no_evidence"


def test_every_sign_has_a_weight() -> None:
    reader = Reader(HashedEmbedder())
    reading = reader.read("Are refunds paid?", [hit()])
    assert signs(reading, ranked(reading), [hit()]).keys() == WEIGHTS.keys()


def test_a_refusal_names_what_came_nearest_and_what_to_do() -> None:
    text = refusal("What is sold?", [hit(heading="Shops"), hit(heading="Shops"), hit(title="Tariffs")])
    assert "“Returns policy 2026” (Shops)" in text
    assert "Ask about “Shops” or “Tariffs”," in text
    assert "ingest" in text
    assert "nothing" in refusal("What is sold?", [])


@pytest.mark.parametrize(
    "question", ["How much is it?", "What about that?", "And the price?", "Wie viel kostet das?", "???", "Hello!"]
)
def test_a_question_without_a_subject_is_underspecified(judge: Judge, question: str) -> None:
    assert judge.reason_to_abstain(question, [hit()]) == "underspecified"


@pytest.mark.parametrize("question", ["Can I work from home?", "When are refunds due?", "Is it allowed to smoke?"])
def test_common_words_may_say_what_a_question_is_about(question: str) -> None:
    assert not is_vague(question)


def test_it_is_said_what_to_name_instead() -> None:
    hits = [hit(heading=f"Policies > {topic}") for topic in ("Refunds", "Gift cards", "Shops", "Parking")]
    assert refusal("How much is it?", hits, "underspecified") == (
        "The question does not say clearly what it is about. Name it, for instance “Refunds”, “Gift cards” or “Shops”."
    )


def test_a_german_question_is_refused_in_german() -> None:
    question, hits = "Was kostet die Erstattung?", [hit(heading="Shops"), hit(title="Tariffs")]
    assert "Am nächsten kommt „Returns policy 2026“ (Shops)" in refusal(question, hits)
    assert "Fragen Sie nach „Shops“ oder „Tariffs“," in refusal(question, hits)
    assert refusal(question, hits, "underspecified").startswith("Die Frage sagt nicht deutlich,")
    assert "nichts" in refusal(question, [])


def test_two_products_that_fit_alike_are_underspecified(judge: Judge) -> None:
    hits = [
        hit("The battery of the sensor lasts five years.", title="Manual of the Varde S3", uri="a"),
        hit("The battery of the sensor lasts three years.", title="Manual of the Varde S7", uri="b"),
    ]
    assert judge.reason_to_abstain("How long does the battery of the sensor last?", hits) == "underspecified"
    assert judge.reason_to_abstain("How long does the battery of the Varde S7 last?", hits) is None
