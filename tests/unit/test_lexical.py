from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.lexical import fold, numbers, overlap, terms, weights
from ragkit.text import words


@pytest.mark.parametrize(
    "forms",
    [
        "refund refunds refunded refunding refundable",
        "policy policies",
        "expire expires expired expiry expiration",
        "charge charges charged charging",
        "run running runs",
        "company companies",
        "class classes",
        "install installation installer",
        "1000 1,000 1,000.00",
        "ten 10",
    ],
)
def test_forms_of_a_word_fold_together(forms: str) -> None:
    assert len({fold(word) for word in words(forms)}) == 1


@pytest.mark.parametrize("different", ["before after", "maximum minimum", "1000 1001", "e-4012 e-4013", "used us"])
def test_different_words_stay_different(different: str) -> None:
    first, second = words(different)
    assert fold(first) != fold(second)


@given(st.text())
def test_any_text_has_terms(text: str) -> None:
    assert set(weights(text)) == set(terms(text))


def test_numbers_are_compared_by_value() -> None:
    assert numbers("E-4012 cost 1,000.50 CHF on 2024-03-01, ten of them, 5GB") == {"1000.50", "2024-03-01", "10", "5"}


def test_german_thousands_are_no_decimals() -> None:
    assert numbers("1.000 Euro") != numbers("1 Euro")
    assert numbers("5.0 and 5.00") == {"5"}


def test_overlap_weighs_what_tells_more() -> None:
    wanted = weights("the warranty of the company")
    assert overlap(wanted, terms("a warranty")) > overlap(wanted, terms("a company"))
    assert overlap(wanted, terms("company warranty")) == 1
    assert overlap({}, []) == 1
