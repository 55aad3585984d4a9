from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.ingest.schedule import checked_cron, due


@dataclass
class Entry:
    name: str
    schedule: str | None


NIGHTLY = Entry("nightly", "30 2 * * *")
QUARTERLY = Entry("quarterly", "*/15 * * * *")
EVENING = datetime(2026, 11, 21, 20, 0)


def test_a_pipeline_is_due_from_its_minute_on_and_once() -> None:
    before, at = datetime(2026, 11, 22, 2, 29, 59), datetime(2026, 11, 22, 2, 30)
    assert due([NIGHTLY], EVENING, before) == []
    assert due([NIGHTLY], before, at) == ["nightly"]
    assert due([NIGHTLY], at, at + timedelta(hours=1)) == []


def test_missed_times_are_made_up_for_once() -> None:
    assert due([NIGHTLY, QUARTERLY], EVENING, EVENING + timedelta(days=3)) == ["nightly", "quarterly"]


def test_without_a_schedule_nothing_is_due() -> None:
    assert due([Entry("inbox", None)], datetime.min, datetime.max) == []


def test_a_clock_that_was_set_back_runs_nothing_twice() -> None:
    assert due([QUARTERLY], EVENING, EVENING - timedelta(hours=1)) == []


@given(
    st.sampled_from(["* * * * *", "*/15 * * * *", "30 2 * * *", "0 8 * * MON-FRI", "0 0 1 1 *"]),
    st.lists(st.timedeltas(timedelta(0), timedelta(days=2)), min_size=1, max_size=20),
)
def test_however_often_one_asks_the_first_time_is_never_missed(schedule: str, steps: list[timedelta]) -> None:
    """Whether it was due over a span does not depend on how the span was cut."""
    moments = [EVENING]
    for step in steps:
        moments.append(moments[-1] + step)
    asked = [due([Entry("p", schedule)], since, now) for since, now in itertools.pairwise(moments)]
    assert any(asked) == bool(due([Entry("p", schedule)], moments[0], moments[-1]))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("61 * * * *", "bad minute"),
        ("0 8 * * FUNDAY", "bad day-of-week"),
        ("@daily", "five fields"),
        ("* * * * * *", "five fields"),
        ("0 0 30 2 *", "day"),
    ],
)
def test_a_wrong_expression_says_what_is_wrong(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_cron(expression)


@given(st.text("0123456789*/,-#L MONJAN", max_size=20))
def test_an_expression_is_refused_or_never_fails(expression: str) -> None:
    try:
        checked_cron(expression)
    except ValueError:
        return
    assert due([Entry("p", expression)], EVENING, EVENING + timedelta(days=1)) in ([], ["p"])
