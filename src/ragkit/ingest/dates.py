"""Dates as documents write them, in ISO 8601."""

from __future__ import annotations

import contextlib
import datetime
import re

__all__ = ["DATES", "iso_date"]

DATES = frozenset({"created", "date", "modified", "published"})
"""The keys of metadata that are dates."""

_DEFAULTS = (datetime.datetime(1904, 2, 3), datetime.datetime(1905, 4, 7))
"""What is missing in a date is taken from these: where two readings differ, it was missing."""
_PARTIAL = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?")


def iso_date(text: str) -> str:
    """A date in ISO 8601, as far as it is said: `March 2026` is `2026-03`. One that can be read in two ways stays.

    >>> iso_date("3 March 2026"), iso_date("2026-03-03T09:30:00Z"), iso_date("03/04/2026")
    ('2026-03-03', '2026-03-03', '03/04/2026')
    """
    text = text.strip()
    if _PARTIAL.fullmatch(text):
        return text
    with contextlib.suppress(ValueError):
        return datetime.datetime.fromisoformat(text).date().isoformat()
    try:
        readings = {_read(text, dayfirst=dayfirst) for dayfirst in (False, True)}
    except (ValueError, OverflowError):
        return text
    return readings.pop() if len(readings) == 1 else text


def _read(text: str, *, dayfirst: bool) -> str:
    from dateutil import parser  # here: most dates are ISO 8601 already

    one, other = (parser.parse(text, default=day, dayfirst=dayfirst, ignoretz=True) for day in _DEFAULTS)
    if one.year != other.year:
        raise ValueError("no year")
    if one.month != other.month:
        return f"{one.year:04}"
    return one.date().isoformat() if one.day == other.day else f"{one.year:04}-{one.month:02}"
