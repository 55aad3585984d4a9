"""Sidecars: `report.pdf.meta.json` says what `report.pdf` does not, such as its author, its date or its tags.

{"title": "Travel policy", "author": "Ada Lovelace", "date": "3 March 2026", "tags": ["travel", "hr"]}
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping

from ragkit.errors import InputError, UnsupportedFormat
from ragkit.ingest.dates import DATES, iso_date

__all__ = ["SUFFIX", "alone", "describes", "read_sidecar"]

SUFFIX = ".meta.json"
LARGEST = 64 * 1024


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
            metadata[_kept(key)] = iso_date(text) if key in DATES else text
    return metadata


def _text(value: object) -> str | None:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return _kept(str(value))
        case list() if all(isinstance(one, str | int | float) for one in value):
            return ", ".join(_kept(str(one)) for one in value)
        case _:
            return None


def _kept(text: str) -> str:
    """Without what JSON can hold and no database keeps: NUL, and one half of a surrogate pair."""
    return text.encode("utf-8", "ignore").decode().replace("\0", "").strip()
