from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.demands import identifiers, is_german, kind_of, names, periods


@pytest.mark.parametrize(
    ("question", "kind", "holds", "lacks"),
    [
        ("How heavy is the gateway?", "weight", "It weighs 96 g.", "It is large: 96 cm."),
        ("What is the telephone number of support?", "telephone number", "Call +47 755 00 000.", "Sent on 2026-03-26."),
        ("Which colour is the housing?", "colour", "The housing is light grey.", "The housing is light."),
        ("What is the list price of the probe?", "money", "It costs 164 EUR.", "It costs little."),
        ("What percentage do we lose per year?", "share", "The churn is 2.6 per cent.", "The churn is low."),
        ("What is the initial duration of the lease?", "duration", "It has a term of 36 months.", "It has a term."),
        ("Stay for how long?", "duration", "For an hour.", "For ever."),
        ("What may a coffee cost?", "money", "At most 2.80 euros.", "At most three."),
        ("Ab wie vielen Nachrichten ist Schluss?", "number", "Ab 250.", "Ab heute."),
        ("How long is the notice period?", "duration", "It is fourteen days, or 2 weeks.", "It is long."),
        ("When does the library close?", "date", "It closes at 16:00.", "It closes early."),
        ("How many seats are included?", "number", "Fifty seats, that is 50.", "Seats are included."),
        ("Wie lange läuft das Gateway weiter?", "duration", "Es läuft elf Stunden.", "Es läuft weiter."),
    ],
)
def test_kinds_of_value(question: str, kind: str, holds: str, lacks: str) -> None:
    found = kind_of(question)
    assert found is not None
    assert found.name == kind
    assert found.is_in(holds)
    assert not found.is_in(lacks)


@pytest.mark.parametrize("question", ["How do I return a laptop?", "What is a mutex?", "Why is it slow?", ""])
def test_most_questions_demand_no_kind(question: str) -> None:
    assert kind_of(question) is None


def test_periods_compare_across_notations() -> None:
    assert periods("in March 2026") == periods("2026-03") == {(2026, "3")}
    assert (
        periods("on 10 March 2026")
        == periods("2026-03-10")
        == periods("March 10, 2026")
        == {
            (2026, "3"),
            (2026, "3-10"),
        }
    )
    assert periods("the fourth quarter of 2025") == periods("Q4 2025") == {(2025, "q4")}
    assert periods("dezember 2025") == {(2025, "12")}
    assert periods("in 2026") == set()


def test_names_begin_with_a_capital_within_the_question() -> None:
    assert names("What did Ms Brandt promise the Northgate Clinic in March?") == ["Ms", "Brandt", "Northgate", "Clinic"]
    assert names("Which documents do I need?") == []
    assert names("Wie hoch ist die Miete im Haus Sonnenhalde?") == []


@pytest.mark.parametrize(
    ("question", "german"),
    [
        ("Was kostet das Team-Paket?", True),
        ("Lieferzeit nach Norwegen?", True),
        ("Darf man im Labor essen?", True),
        ("Who studied at MIT?", False),
        ("What does Der Spiegel say?", False),
        ("Was the contract signed in May?", False),
        ("Which die is approved?", False),
    ],
)
def test_a_question_is_german_by_its_common_words(question: str, german: bool) -> None:
    assert is_german(question) is german


def test_identifiers_are_acronyms_and_codes() -> None:
    assert identifiers("Is KV-1305 of the GraphQL API, v1.2.3, ATEX (S4)? 100 In Norway.") == {
        "kv-1305", "graphql", "api", "v1.2.3", "atex", "s4",
    }  # fmt: skip


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    kind_of(text), periods(text), identifiers(text)
