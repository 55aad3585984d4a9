"""What keys may use and what they have used: reserved before it is spent, settled when it is known.

Each count is one row for a key and a month, a day or a minute. A reservation raises it in one statement that does so
only as long as the count stays within the limit, so that of many callers at once exactly so many pass as may, in
however many processes they are. Rows are locked in the order of their windows, and reservations before them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, true
from sqlalchemy.dialects import postgresql, sqlite

from ragkit.callers import Principal
from ragkit.errors import OverQuota
from ragkit.rights import KeyUsage, Limit, Measure, Period, UsageWindow
from ragkit.store.engine import Database, now
from ragkit.store.tables import key_usage, reservations

__all__ = ["Quotas", "Standing"]

_FORMATS: dict[Period, str] = {"month": "%Y-%m", "day": "%Y-%m-%d", "minute": "%Y-%m-%dT%H:%M"}
_COLUMNS: dict[Measure, str] = {"requests": "requests", "tokens": "tokens", "usd": "micros"}
_NAMES: dict[Measure, str] = {"requests": "requests", "tokens": "tokens", "usd": "US dollars"}
_MICROS = 1_000_000
DAYS_TOLD, MONTHS_TOLD = 31, 12
MINUTES_KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How near a key is to the limit of requests that it will meet first."""

    most: int
    left: int
    resets_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Amount:
    requests: int = 0
    tokens: int = 0
    micros: int = 0

    def __sub__(self, other: _Amount) -> _Amount:
        return _Amount(
            requests=self.requests - other.requests,
            tokens=self.tokens - other.tokens,
            micros=self.micros - other.micros,
        )


@dataclass(slots=True, kw_only=True)
class _Booking:
    """Changes of counts, by window, to be made in the order in which every transaction makes them."""

    key_id: str
    changes: list[tuple[str, _Amount, Sequence[Limit]]] = field(default_factory=list)

    def add(self, moment: datetime, amount: _Amount, limits: Sequence[Limit] = ()) -> None:
        for period, form in _FORMATS.items():
            mine = [limit for limit in limits if limit.per == period]
            self.changes.append((moment.astimezone(UTC).strftime(form), amount, mine))

    def ordered(self) -> list[tuple[str, _Amount, Sequence[Limit]]]:
        # What is given back comes before what is asked for: it may make room.
        return sorted(self.changes, key=lambda change: (change[0], bool(change[2])))


class Quotas:
    """Over the tables `key_usage` and `reservations`; safe to share between threads and processes.

    Args:
        database: The catalog.
        clock: Tells the time, UTC.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._clock = clock

    def count(self, caller: Principal) -> Standing | None:
        """Count a request.

        Returns:
            Where the key stands, if its requests are limited.

        Raises:
            OverQuota: It has had as many as it may.
        """
        moment = self._clock()
        booking = _Booking(key_id=caller.name)
        booking.add(moment, _Amount(requests=1), [limit for limit in caller.limits if limit.measure == "requests"])
        with self._database.write() as connection:
            counted = _book(connection, booking, moment)
            if counted[moment.strftime(_FORMATS["minute"])] == 1:
                _forget_minutes(connection, caller.name, moment)
        standings = [
            Standing(
                most=int(limit.most),
                left=int(limit.most) - counted[moment.strftime(_FORMATS[limit.per])],
                resets_s=_seconds_left(limit.per, moment),
            )
            for limit in caller.limits
            if limit.measure == "requests"
        ]
        return min(standings, key=lambda standing: (standing.left, -standing.resets_s), default=None)

    def reserve(self, caller: Principal, *, tokens: int, usd: float, holds_s: float) -> str:
        """Set aside what an answer may use at most.

        Args:
            caller: Who asks.
            tokens: Read and written.
            usd: What they cost.
            holds_s: After so many seconds it is given back if nobody has settled it, because its process has died.

        Returns:
            The id of the reservation, for `settle`.

        Raises:
            OverQuota: That would be more than the key may use.
        """
        moment, reservation_id = self._clock(), f"res_{secrets.token_hex(10)}"
        amount = _Amount(tokens=tokens, micros=round(usd * _MICROS))
        booking = _Booking(key_id=caller.name)
        booking.add(moment, amount, [limit for limit in caller.limits if limit.measure != "requests"])
        with self._database.write() as connection:
            _give_back(connection, booking, moment)
            _book(connection, booking, moment)
            connection.execute(
                insert(reservations).values(
                    id=reservation_id,
                    key_id=caller.name,
                    tokens=amount.tokens,
                    micros=amount.micros,
                    created_at=moment,
                    expires_at=moment + timedelta(seconds=holds_s),
                )
            )
        return reservation_id

    def settle(self, key_id: str, reservation_id: str, *, tokens: int, usd: float) -> None:
        """Put what was used in the place of what was reserved; where that was given back meanwhile, it is added."""
        used, moment = _Amount(tokens=tokens, micros=round(usd * _MICROS)), self._clock()
        booking = _Booking(key_id=key_id)
        held = delete(reservations).where(reservations.c.id == reservation_id).returning(reservations)
        with self._database.write() as connection:
            row = connection.execute(held).one_or_none()
            reserved = _Amount() if row is None else _Amount(tokens=row.tokens, micros=row.micros)
            booking.add(moment if row is None else row.created_at, used - reserved)
            _book(connection, booking, moment)

    def usage(self, key_id: str, limits: tuple[Limit, ...]) -> KeyUsage:
        """What a key has used."""
        moment = self._clock()
        booking = _Booking(key_id=key_id)
        with self._database.write() as connection:
            _give_back(connection, booking, moment)
            _book(connection, booking, moment)
            mine = select(key_usage).where(key_usage.c.key_id == key_id).order_by(key_usage.c.window.desc())
            rows = connection.execute(mine).all()
            held = select(func.count()).select_from(reservations).where(reservations.c.key_id == key_id)
            reserved = connection.execute(held).scalar_one()
        this_minute = moment.strftime(_FORMATS["minute"])
        told = [row for row in rows if row.window == this_minute]
        for period, most in (("day", DAYS_TOLD), ("month", MONTHS_TOLD)):
            told += [row for row in rows if _period(row.window) == period][:most]
        windows = tuple(
            UsageWindow(
                per=_period(row.window),
                since=datetime.strptime(row.window, _FORMATS[_period(row.window)]).replace(tzinfo=UTC),
                requests=row.requests,
                tokens=row.tokens,
                usd=row.micros / _MICROS,
            )
            for row in told
        )
        return KeyUsage(key_id=key_id, limits=limits, windows=windows, reserved=reserved)


def _book(connection: Connection, booking: _Booking, moment: datetime) -> dict[str, int]:
    """Change the counts; how many requests there are then in each window.

    Raises:
        OverQuota: One would be over a limit.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    counted = {}
    for window, amount, limits in booking.ordered():
        values = {"requests": amount.requests, "tokens": amount.tokens, "micros": amount.micros}
        _fits_at_all(window, values, limits, moment)
        added = dialect.insert(key_usage).values(key_id=booking.key_id, window=window, **values)
        kept = connection.execute(
            added.on_conflict_do_update(
                index_elements=[key_usage.c.key_id, key_usage.c.window],
                set_={name: key_usage.c[name] + value for name, value in values.items()},
                where=and_(true(), *_guards(values, limits)),
            ).returning(key_usage.c.requests)
        ).scalar_one_or_none()
        if kept is None:
            raise _over(connection, booking.key_id, window, values, limits, moment)
        counted[window] = kept
    return counted


def _guards(values: dict[str, int], limits: Iterable[Limit]) -> list[ColumnElement[bool]]:
    return [
        key_usage.c[_COLUMNS[limit.measure]] + values[_COLUMNS[limit.measure]] <= _most(limit)
        for limit in limits
        if values[_COLUMNS[limit.measure]]
    ]


def _fits_at_all(window: str, values: dict[str, int], limits: Iterable[Limit], moment: datetime) -> None:
    """Where nothing was used yet there is no row that could be over the limit."""
    for limit in limits:
        if values[_COLUMNS[limit.measure]] > _most(limit):
            raise _refusal(limit, moment, left=_most(limit), wanted=values[_COLUMNS[limit.measure]])


def _over(
    connection: Connection,
    key_id: str,
    window: str,
    values: dict[str, int],
    limits: Iterable[Limit],
    moment: datetime,
) -> OverQuota:
    mine = (key_usage.c.key_id == key_id) & (key_usage.c.window == window)
    row = connection.execute(select(key_usage).where(mine)).one()
    for limit in limits:
        column = _COLUMNS[limit.measure]
        left = _most(limit) - getattr(row, column)
        if values[column] > left:
            return _refusal(limit, moment, left=left, wanted=values[column])
    raise AssertionError("a guard refused what every limit allows")


def _refusal(limit: Limit, moment: datetime, *, left: int, wanted: int) -> OverQuota:
    scale = _MICROS if limit.measure == "usd" else 1
    name = _NAMES[limit.measure]
    said = f"The key may use {limit.most:g} {name} a {limit.per}"
    if limit.measure == "requests":
        detail = f"{said}, and has."
    else:
        detail = f"{said}; {max(0, left) / scale:g} are left, and this may take {wanted / scale:g}."
    refusal = OverQuota(
        detail,
        hint="`ragkit keys usage` tells what was used; an admin sets the limits.",
        retry_after=_seconds_left(limit.per, moment),
    )
    refusal.most = limit.most
    return refusal


def _give_back(connection: Connection, booking: _Booking, moment: datetime) -> None:
    """Let go of what is reserved for answers whose process has died."""
    stale = (reservations.c.key_id == booking.key_id) & (reservations.c.expires_at < moment)
    # Whoever settles one at this moment has it locked, and counts it himself.
    ids = connection.scalars(select(reservations.c.id).where(stale).with_for_update(skip_locked=True)).all()
    if ids:
        gone = delete(reservations).where(reservations.c.id.in_(ids)).returning(reservations)
        for row in connection.execute(gone):
            booking.add(row.created_at, _Amount() - _Amount(tokens=row.tokens, micros=row.micros))


def _forget_minutes(connection: Connection, key_id: str, moment: datetime) -> None:
    before = (moment - MINUTES_KEPT).strftime(_FORMATS["minute"])
    window = key_usage.c.window
    connection.execute(
        delete(key_usage).where(key_usage.c.key_id == key_id, func.length(window) == len(before), window < before)
    )


def _most(limit: Limit) -> int:
    return round(limit.most * _MICROS) if limit.measure == "usd" else int(limit.most)


def _period(window: str) -> Period:
    return {7: "month", 10: "day"}.get(len(window), "minute")  # type: ignore[return-value]


def _seconds_left(period: Period, moment: datetime) -> int:
    """Until the window ends, at least one."""
    start = datetime.strptime(moment.strftime(_FORMATS[period]), _FORMATS[period]).replace(tzinfo=UTC)
    if period == "month":
        end = (start + timedelta(days=32)).replace(day=1)
    else:
        end = start + (timedelta(days=1) if period == "day" else timedelta(minutes=1))
    return max(1, round((end - moment).total_seconds()))
