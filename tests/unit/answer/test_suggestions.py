"""What is suggested to go on with."""

from __future__ import annotations

from ragkit.answer.suggestions import suggested
from ragkit.types import Chunk, Citation


def chunks(*headings: str) -> list[Chunk]:
    return [
        Chunk(chunk_id=f"c{number}", start=number, end=number + 1, page=None, heading=heading, text="x")
        for number, heading in enumerate(headings)
    ]


def citation(document: str, chunk: str, heading: str) -> Citation:
    about = {"document_id": document, "uri": document, "title": document.title(), "page": None, "heading": heading}
    rest = {
        "marker": 1,
        "chunk_id": chunk,
        "start": int(chunk[1:]),
        "end": 99,
        "quote": "x",
        "verdict": "supported",
        "score": 1.0,
    }
    return Citation(**about, **rest, supported=True)  # type: ignore[arg-type]


LEAVE = chunks("Introduction", "Leave > Holidays", "Leave > Sickness", "Leave > Sickness", "1.2", "Parents", "Leave")
TRAVEL = chunks("Travel > Trains", "Travel > Hotels")


def test_the_sections_after_what_is_cited_come_first_and_documents_take_turns() -> None:
    cited = [citation("leave", "c1", "Leave > Holidays"), citation("travel", "c1", "Travel > Hotels")]
    assert suggested("How many holidays?", cited, {"leave": LEAVE, "travel": TRAVEL}) == [
        'What does "Leave" say about "Sickness"?',
        'What does "Travel" say about "Trains"?',
        'What does "Leave" say about "Parents"?',
    ]


def test_short_sections_that_share_a_chunk_are_told_apart() -> None:
    text = "# Refunds\n\nRefunds are paid.\n\n## Abroad\n\nThey take longer.\n\n## Gift cards\n\nNever.\n"
    shared = {"refunds": [Chunk(chunk_id="c0", start=7, end=7 + len(text), page=None, heading="Refunds", text=text)]}
    abroad = citation("refunds", f"c{7 + text.index('They')}", "Refunds")
    assert suggested("How long?", [abroad], shared) == ['What does "Refunds" say about "Gift cards"?']


def test_german_is_answered_in_german_and_nothing_comes_of_nothing() -> None:
    cited = [citation("reisen", "c0", "Bahn")]
    german = suggested("Wer bezahlt die Bahn?", cited, {"reisen": chunks("Bahn", "Übernachtung", "Anhang A")})
    assert german == ["Was steht in „Reisen“ über „Übernachtung“?"]
    assert suggested("Who?", cited, {}) == suggested("Who?", [], {"reisen": LEAVE}) == []
