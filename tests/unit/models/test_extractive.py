from __future__ import annotations

import pytest

from ragkit.models.extractive import MAX_CHARS, ExtractiveChat
from ragkit.protocols import ChatRequest, Disagreement
from ragkit.reader import Reader
from ragkit.testing import HashedEmbedder
from ragkit.types import Hit

pytestmark = pytest.mark.anyio


def hit(text: str, *, title: str = "Policy", heading: str = "") -> Hit:
    return Hit(
        rank=1, score=1.0, via=("dense",), document_id="d", uri="u", title=title, page=None, heading=heading,
        chunk_id="c", start=0, end=len(text), text=text,
    )  # fmt: skip


async def answer(question: str, *sources: Hit) -> str:
    request = ChatRequest(messages=(), question=question, sources=sources)
    return "".join([delta.text async for delta in ExtractiveChat(Reader(HashedEmbedder())).stream(request)])


async def test_the_sentence_that_answers_is_quoted_with_its_marker() -> None:
    text = "The shop opens at nine. Refunds are paid within 30 days. Parking is free."
    assert await answer("When are refunds paid?", hit("Other things happen."), hit(text)) == (
        "Refunds are paid within 30 days. [2]"
    )


async def test_a_table_row_is_said_with_its_header() -> None:
    table = "| Plan | Price |\n| Solo | 5 EUR |\n| Team | 12 EUR |"
    assert (await answer("What is the price of the Team plan?", hit(table))).startswith("Plan: Team; Price: 12 EUR [1]")


async def test_a_german_question_is_told_in_german_that_sources_disagree() -> None:
    sources = (
        hit("Die Frist ist 14 Tage.", title="Regeln 2026"),
        hit("Die Frist ist 30 Tage.", title="Regeln 2023"),
    )
    apart = Disagreement(first=(1, 0), second=(2, 0), dated=True)
    request = ChatRequest(messages=(), question="Wie lang ist die Frist?", sources=sources, disagreement=apart)
    said = "".join([delta.text async for delta in ExtractiveChat(Reader(HashedEmbedder())).stream(request)])
    assert said.startswith(
        "Die Quellen widersprechen sich: „Regeln 2026“ ist neuer als „Regeln 2023“ und steht zuerst."
    )
    assert "Die Frist ist 14 Tage. [1]" in said


async def test_each_statement_is_a_paragraph() -> None:
    said = await answer("When are refunds paid?", hit("Refunds are paid in 30 days."), hit("Refunds are paid at 9:00."))
    assert sorted(said.split("\n\n")) == ["Refunds are paid at 9:00. [2]", "Refunds are paid in 30 days. [1]"]


async def test_each_sentence_of_a_statement_has_its_marker() -> None:
    text = "The Team plan ends soon. Its price is 12 EUR until 3 May."
    assert await answer("What is its price?", hit(text)) == (
        "The Team plan ends soon. [1] Its price is 12 EUR until 3 May. [1]"
    )


async def test_a_question_for_a_number_prefers_sentences_with_one() -> None:
    text = "Refunds are paid to the card soon. Refunds are paid to the card in 30 days."
    assert (await answer("How long until refunds are paid to the card?", hit(text))).startswith(
        "Refunds are paid to the card in 30 days. [1]"
    )


async def test_the_same_sentence_is_said_once() -> None:
    text = "Refunds are paid within 30 days."
    assert await answer("When are refunds paid?", hit(text), hit(text)) == f"{text} [1]"


async def test_of_two_editions_the_newer_comes_first_and_both_are_cited() -> None:
    old = hit("Refunds are paid within 30 days.", title="Handbook 2025")
    new = hit("Refunds are paid within 14 days.", title="Handbook 2026")
    assert await answer("How quickly are refunds paid?", old, new) == (
        "Refunds are paid within 14 days. [2]\n\nRefunds are paid within 30 days. [1]"
    )
    assert (await answer("How quickly were refunds paid in 2025?", old, new)).startswith("Refunds are paid within 30")


async def test_reference_numbers_of_the_source_do_not_become_citations() -> None:
    assert await answer("When are refunds paid?", hit("Refunds are paid within 30 days [12].")) == (
        "Refunds are paid within 30 days. [1]"
    )


async def test_a_heading_that_holds_what_is_asked_is_said_too() -> None:
    text = "## Firmware 3.9.2\n\n- Fixed: humidity values were too high.\n- The update comes in waves."
    assert (await answer("Which firmware fixed high humidity values?", hit(text))).startswith(
        "Firmware 3.9.2: Fixed: humidity values were too high. [1]"
    )


async def test_a_long_sentence_is_shown_shortened() -> None:
    said = await answer("refunds?", hit("refunds " * 500))
    assert len(said) < MAX_CHARS + 20
    assert said.endswith("… [1]")


@pytest.mark.parametrize("text", ["", "   ", "# Only a heading", "```"])
async def test_sources_that_say_nothing_give_no_answer(text: str) -> None:
    assert await answer("When are refunds paid?", hit(text)) == "NO_ANSWER"
    assert await answer("When are refunds paid?") == "NO_ANSWER"


async def test_a_statement_and_its_denial_are_both_said() -> None:
    said = "Employees may {}carry over unused vacation days into the following year."
    both = await answer("May employees carry over vacation days?", hit(said.format("")), hit(said.format("not ")))
    assert "may carry" in both
    assert "may not carry" in both


@pytest.mark.parametrize("reference", ["[^2]", "[2, p. 5]", " [Source 2]", " 【2】"])
async def test_a_footnote_of_the_source_does_not_become_a_citation(reference: str) -> None:
    text = f"Refunds take a fortnight{reference}."
    assert await answer("How long do refunds take?", hit(text)) == "Refunds take a fortnight. [1]"


async def test_a_number_in_brackets_stays_where_it_counts_something() -> None:
    assert await answer("How long do I wait?", hit("You wait [30] days.")) == "You wait 30 days. [1]"
    assert await answer("How long do I wait?", hit("You wait [12 months].")) == "You wait [12 months]. [1]"
