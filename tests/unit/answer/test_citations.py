from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.answer.citations import resolve
from ragkit.answer.markers import Sentence
from ragkit.types import Citation, Hit

DOCUMENT = """# Returns

Refunds are paid within 30 days. They go to the card that was used. Gift cards are not refundable.

| Plan | Price | Seats |
| Team | 12 EUR | 50 |
| Solo | 5 EUR | 1 |
"""


def hit(text: str = DOCUMENT, *, start: int = 0, title: str = "Policy") -> Hit:
    return Hit(
        rank=1, score=1.0, via=("dense",), document_id="doc", uri="u", title=title, page=2, heading="Returns",
        chunk_id="chk", start=start, end=start + len(text), text=text,
    )  # fmt: skip


def cited(text: str, *sources: Hit, markers: tuple[int, ...] = (1,)) -> list[Citation]:
    found = resolve(Sentence(text=text, markers=markers), sources or (hit(),))
    return [event.citation for event in found.cited]


def test_the_quote_is_the_sentence_that_supports() -> None:
    (citation,) = cited("Gift cards cannot be refunded, they are not refundable.")
    assert citation.quote == "Gift cards are not refundable."
    assert citation.page == 2
    assert citation.supported


def test_offsets_are_those_of_the_document() -> None:
    (citation,) = cited("Refunds are paid within 30 days.", hit(start=1000))
    assert DOCUMENT[citation.start - 1000 : citation.end - 1000] == citation.quote == "Refunds are paid within 30 days."


def test_two_neighbouring_sentences_are_quoted_together() -> None:
    (citation,) = cited("Refunds are paid within 30 days and go to the card that was used.")
    assert citation.quote == "Refunds are paid within 30 days. They go to the card that was used."


def test_a_quote_begins_at_the_heading_that_tells_what_its_sentence_does_not() -> None:
    notes = "## Cloud 6.2\n\nReports may be shared.\n\n## Cloud 6.3\n\nSingle sign-on is available to everybody."
    (citation,) = cited("Since Cloud 6.3 single sign-on is available to everybody.", hit(notes, title="Release Notes"))
    assert citation.quote == "Cloud 6.3\n\nSingle sign-on is available to everybody."
    (citation,) = cited("Single sign-on is available to everybody.", hit(notes, title="Release Notes"))
    assert citation.quote == "Single sign-on is available to everybody."
    told = notes.replace(
        "Single", "Much of it came after Cloud 6.3 was planned. Reports are sent. Maps are drawn. Single"
    )
    (citation,) = cited("Since Cloud 6.3 single sign-on is available to everybody.", hit(told, title="Release Notes"))
    assert citation.quote.startswith("Cloud 6.3\n\nMuch of it")


def test_a_table_row_is_understood_with_its_header() -> None:
    (citation,) = cited("The price of the Team plan is 12 EUR for 50 seats.")
    assert citation.quote == "| Team | 12 EUR | 50 |"
    assert citation.supported


def test_the_number_of_another_row_contradicts() -> None:
    (citation,) = cited("The price of the Team plan is 5 EUR for 50 seats.")
    assert citation.verdict == "contradicted"
    assert not citation.supported


def test_sources_are_judged_together_and_one_by_one() -> None:
    other = hit("Returns need the original receipt and a signature of the shop.", title="Shops")
    sentence = Sentence(
        text="Refunds are paid within 30 days and need the original receipt and a signature of the shop.",
        markers=(1, 2),
    )
    found = resolve(sentence, [hit(), other])
    assert found.verified.verdict == "supported"
    assert [event.citation.verdict for event in found.cited] == ["partly", "partly"]
    assert [event.citation.title for event in found.cited] == ["Policy", "Shops"]


def test_a_sentence_that_cites_nothing_gets_a_verdict_but_no_citation() -> None:
    found = resolve(Sentence(text="Refunds are paid within 30 days.", markers=()), [hit()])
    assert found.cited == ()
    assert (found.verified.verdict, found.verified.markers) == ("supported", ())


@given(st.text(max_size=60), st.text(max_size=200), st.integers(0, 10_000))
def test_every_quote_is_in_the_document_where_it_says(claim: str, text: str, start: int) -> None:
    (citation,) = cited(claim, hit(text, start=start))
    assert text[citation.start - start : citation.end - start] == citation.quote
    assert start <= citation.start <= citation.end <= start + len(text)
