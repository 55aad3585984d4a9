"""Dates as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.ingest.dates import iso_date


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-03-03", "2026-03-03"),
        ("2026-03-03T23:30:00+05:00", "2026-03-03"),
        ("20260303", "2026-03-03"),
        ("Tue, 03 Mar 2026 09:30:00 +0100", "2026-03-03"),
        ("10 Mar 2026 12:00 XYZ", "2026-03-10"),
        ("March 2026", "2026-03"),
        ("2026-03", "2026-03"),
        ("2026", "2026"),
        ("13/04/2026", "2026-04-13"),
    ],
)
def test_a_date_is_as_precise_as_it_was_written(text: str, iso: str) -> None:
    assert iso_date(text) == iso


@pytest.mark.parametrize("text", ["03/04/2026", "Monday", "12:30", "3 March", "soon", "2026-02-30", ""])
def test_what_could_be_two_dates_or_none_stays_as_it_is(text: str) -> None:
    assert iso_date(text) == text


@given(
    st.one_of(
        st.text(), st.dates().map(str), st.datetimes().map(str), st.from_regex(r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}")
    )
)
def test_a_date_is_never_an_error_and_never_changes_twice(text: str) -> None:
    assert iso_date(iso_date(text)) == iso_date(text)


@given(st.dates())
def test_an_iso_date_is_itself(date: object) -> None:
    assert iso_date(str(date)) == str(date)
