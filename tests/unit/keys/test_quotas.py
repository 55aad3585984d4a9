"""Quotas: reserved before, settled after, exact under concurrency, on SQLite and Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest

from ragkit.callers import Principal
from ragkit.errors import OverQuota
from ragkit.keys.quotas import Quotas
from ragkit.keys.registry import KeyRegistry
from ragkit.rights import KeyUsage, Limit, Measure, Period
from ragkit.store.engine import Database

MOMENT = datetime(2026, 11, 21, 23, 20, 30, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'ragkit.db'}"
    database = Database.open(url if request.param == "sqlite" else request.getfixturevalue("postgres"))
    yield database
    database.close()


def limit(measure: Measure, most: float, per: Period) -> Limit:
    return Limit(measure=measure, most=most, per=per)


def caller(database: Database, *limits: Limit) -> Principal:
    made = KeyRegistry(database).create(
        "test", role="reader", collections=None, access=None, limits=limits, expires_at=None
    )
    return Principal(name=made.key.id, role="reader", limits=limits, metered=True)


def at_once(calls: int, call: Callable[[], object]) -> int:
    """How many of so many calls at the same moment were let through."""
    together = Barrier(calls)

    def one() -> bool:
        together.wait()
        try:
            call()
        except OverQuota:
            return False
        return True

    with ThreadPoolExecutor(calls) as pool:
        return sum(pool.map(lambda _: one(), range(calls)))


def used(usage: KeyUsage, per: Period) -> tuple[int, int, float]:
    (window,) = [window for window in usage.windows if window.per == per]
    return window.requests, window.tokens, window.usd


def test_exactly_five_of_fifty_at_once_pass_a_limit_of_five(database: Database) -> None:
    one, quotas = caller(database, limit("requests", 5, "month")), Quotas(database)
    assert at_once(50, lambda: quotas.count(one)) == 5
    two = caller(database, limit("tokens", 5_499, "month"))
    assert at_once(50, lambda: quotas.reserve(two, tokens=1_000, usd=0.0, holds_s=60)) == 5
    assert used(quotas.usage(two.name, two.limits), "month") == (0, 5_000, 0.0)
    assert quotas.usage(two.name, two.limits).reserved == 5


def test_a_refusal_says_when_to_come_back_and_costs_nothing(database: Database) -> None:
    one = caller(database, limit("requests", 2, "minute"), limit("requests", 10, "day"))
    quotas = Quotas(database, clock=lambda: MOMENT)
    first, second = quotas.count(one), quotas.count(one)
    assert first is not None
    assert second is not None
    assert (first.most, first.left, first.resets_s) == (2, 1, 30)
    assert second.left == 0
    with pytest.raises(OverQuota, match="2 requests a minute") as caught:
        quotas.count(one)
    assert caught.value.retry_after == 30
    assert used(quotas.usage(one.name, one.limits), "day") == (2, 0, 0.0), "what was refused counts nowhere"
    later = Quotas(database, clock=lambda: MOMENT + timedelta(seconds=30))
    assert later.count(one) is not None
    assert used(later.usage(one.name, one.limits), "minute") == (1, 0, 0.0)


def test_a_settlement_takes_the_place_of_the_estimate(database: Database) -> None:
    one = caller(database, limit("tokens", 1_000, "day"), limit("usd", 0.01, "month"))
    quotas = Quotas(database, clock=lambda: MOMENT)
    held = quotas.reserve(one, tokens=900, usd=0.009, holds_s=60)
    with pytest.raises(OverQuota, match="100 are left, and this may take 200"):
        quotas.reserve(one, tokens=200, usd=0.0, holds_s=60)
    with pytest.raises(OverQuota, match=r"0\.01 US dollars a month; 0\.001 are left"):
        quotas.reserve(one, tokens=10, usd=0.002, holds_s=60)
    quotas.settle(one.name, held, tokens=120, usd=0.0012)
    usage = quotas.usage(one.name, one.limits)
    assert usage.reserved == 0
    assert used(usage, "day") == (0, 120, 0.0012)
    quotas.settle(one.name, quotas.reserve(one, tokens=200, usd=0.002, holds_s=60), tokens=0, usd=0.0)
    assert used(quotas.usage(one.name, one.limits), "month") == (0, 120, 0.0012)


def test_what_a_dead_process_had_reserved_is_given_back(database: Database) -> None:
    one = caller(database, limit("tokens", 1_000, "month"))
    stale = Quotas(database, clock=lambda: MOMENT).reserve(one, tokens=1_000, usd=0.0, holds_s=60)
    quotas = Quotas(database, clock=lambda: MOMENT + timedelta(seconds=61))
    assert at_once(8, lambda: quotas.reserve(one, tokens=500, usd=0.0, holds_s=60)) == 2
    quotas.settle(one.name, stale, tokens=70, usd=0.0)
    assert used(quotas.usage(one.name, one.limits), "month") == (0, 1_070, 0.0), "it lived after all: counted in full"


def test_more_than_the_whole_limit_is_refused_from_the_start(database: Database) -> None:
    one = caller(database, limit("tokens", 100, "day"))
    with pytest.raises(OverQuota, match="100 are left, and this may take 101"):
        Quotas(database).reserve(one, tokens=101, usd=0.0, holds_s=60)
    none = caller(database, limit("requests", 0, "day"))
    with pytest.raises(OverQuota):
        Quotas(database).count(none)


def test_reserving_and_settling_at_once_adds_up(database: Database) -> None:
    one, quotas = caller(database, limit("tokens", 10**9, "month")), Quotas(database)

    def turn() -> None:
        quotas.count(one)
        quotas.settle(one.name, quotas.reserve(one, tokens=1_000, usd=0.5, holds_s=60), tokens=7, usd=0.25)

    assert at_once(16, turn) == 16
    assert used(quotas.usage(one.name, one.limits), "month") == (16, 112, 4.0)


def test_counts_of_minutes_are_kept_for_an_hour(database: Database) -> None:
    one = caller(database)
    for minutes in range(0, 180, 30):
        Quotas(database, clock=lambda moment=MOMENT + timedelta(minutes=minutes): moment).count(one)  # type: ignore[misc]
    with database.read() as connection:
        rows = connection.exec_driver_sql('SELECT "window" FROM key_usage ORDER BY 1').scalars().all()
    assert [row for row in rows if "T" in row] == ["2026-11-22T00:50", "2026-11-22T01:20", "2026-11-22T01:50"]
