from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.passages import clipped, units
from ragkit.testing import HashedEmbedder

TABLE = """## Plans

| Price list 2026 |  |  |
| Plan | Price | Seats |
| --- | --- | --- |
| Solo | 5 EUR | 1 |
| Team | 12 EUR |  |
"""


def test_sentences_stand_below_their_heading() -> None:
    heading, first, second = units("# Returns\n\nRefunds take 30 days. Gift cards are final.")
    assert (heading.kind, heading.said) == ("heading", "Returns")
    assert [(unit.kind, unit.said, unit.heading) for unit in (first, second)] == [
        ("prose", "Refunds take 30 days.", "Returns"),
        ("prose", "Gift cards are final.", "Returns"),
    ]


def test_rows_are_said_with_their_header() -> None:
    rows = [unit for unit in units(TABLE) if unit.kind == "row"]
    assert [row.said for row in rows] == ["Plan: Solo; Price: 5 EUR; Seats: 1", "Plan: Team; Price: 12 EUR"]
    assert rows[0].lead == "Plan | Price | Seats"
    assert TABLE[rows[1].start : rows[1].end] == "| Team | 12 EUR |  |"


def test_items_keep_the_sentence_that_introduces_them() -> None:
    found = units("You may bring:\n\n- a dog\n- two cats [3]\n")
    assert [(unit.said, unit.lead) for unit in found[1:]] == [
        ("a dog", "You may bring:"),
        ("two cats", "You may bring:"),
    ]


def test_a_record_is_one_unit() -> None:
    (record,) = units("ticket: T-1\nsubject: No sound\nresolution: Allowed in the settings. It was heard.")
    assert record.kind == "record"
    assert record.said == "ticket: T-1; subject: No sound; resolution: Allowed in the settings. It was heard."


def test_a_long_record_is_taken_line_by_line() -> None:
    text = "\n".join(f"option.{number}: value {number}" for number in range(60))
    assert [unit.said for unit in units(text)][:2] == ["option.0: value 0", "option.1: value 1"]


def test_a_list_is_no_record() -> None:
    found = units("- Fixed: it was slow. It is fast now.\n- Fixed: it crashed.")
    assert [unit.said for unit in found] == ["Fixed: it was slow.", "It is fast now.", "Fixed: it crashed."]


def test_a_title_without_a_sentence_is_a_label() -> None:
    assert [unit.kind for unit in units("Board summary\n\nRevenue rose by 19 per cent.")] == ["label", "prose"]


@given(st.text(alphabet="ab. |\n:#-1`", max_size=120))
def test_units_are_in_order_and_do_not_overlap(text: str) -> None:
    last = 0
    for unit in units(text):
        assert last <= unit.start < unit.end <= len(text)
        assert "\n" not in unit.said
        last = unit.end


def test_a_long_text_is_clipped_to_what_the_embedder_reads() -> None:
    embedder = HashedEmbedder(max_tokens=3)
    assert clipped("one two three four five", embedder) == "one two three"
    assert clipped("one", embedder) == "one"
