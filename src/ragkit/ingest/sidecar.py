"""Sidecars: `report.pdf.meta.json` says what `report.pdf` does not, such as its author, its date or its tags.

{"title": "Travel policy", "author": "Ada Lovelace", "date": "3 March 2026", "tags": ["travel", "hr"]}
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
from collections.abc import Container, Mapping

from dateutil import parser

from ragkit.errors import InputError, UnsupportedFormat

__all__ = ["SUFFIX", "alone", "describes", "iso_date", "read_sidecar"]

SUFFIX = ".meta.json"
LARGEST = 64 * 1024
DATES = frozenset({"created", "date", "modified", "published"})

_DEFAULTS = (datetime.datetime(1904, 2, 3), datetime.datetime(1905, 4, 7))
"""What is missing in a date is taken from these: where two readings differ, it was missing."""
_PARTIAL = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?")


def describes(name: str, names: Container[str]) -> bool:
    """Whether a file is the sidecar of another one of its folder."""
    return name.endswith(SUFFIX) and name.removesuffix(SUFFIX) in names


def alone(name: str) -> UnsupportedFormat:
    """Why a sidecar whose file is missing is not ingested: it may have arrived first."""
    return UnsupportedFormat(
        f"{name!r} is the sidecar of {name.removesuffix(SUFFIX)!r}, which is not there.",
        hint="If it is a document of its own, set `sidecars = false` in the pipeline file.",
    )


def read_sidecar(name: str, data: bytes) -> Mapping[str, str]:
    """Its keys with their values as text, lists with commas, dates as in ISO 8601.

    Raises:
        InputError: It is not a JSON object of plain values and lists of these.
    """
    hint = "A sidecar is one JSON object of texts, numbers, and lists of these."
    if len(data) > LARGEST:
        raise InputError(f"The sidecar {name!r} has {len(data):,} bytes; the limit is {LARGEST:,}.", hint=hint)
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The sidecar {name!r} is not valid JSON: {error}.", hint=hint) from error
    if not isinstance(values, dict):
        raise InputError(f"The sidecar {name!r} is not a JSON object.", hint=hint)
    metadata = {}
    for key, value in values.items():
        if (text := _text(value)) is None:
            raise InputError(
                f"In the sidecar {name!r}, {key!r} is neither a plain value nor a list of these.", hint=hint
            )
        if text:
            metadata[key] = iso_date(text) if key in DATES else text
    return metadata


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
    one, other = (parser.parse(text, default=day, dayfirst=dayfirst, ignoretz=True) for day in _DEFAULTS)
    if one.year != other.year:
        raise ValueError("no year")
    if one.month != other.month:
        return f"{one.year:04}"
    return one.date().isoformat() if one.day == other.day else f"{one.year:04}-{one.month:02}"


def _text(value: object) -> str | None:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value).strip()
        case list() if all(isinstance(one, str | int | float) for one in value):
            return ", ".join(str(one).strip() for one in value)
        case _:
            return None
