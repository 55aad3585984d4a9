"""Options that commands share."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from ragkit.types import Filters, Range

__all__ = ["Collection", "Json", "Where", "filters_of"]

Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="The collection; RAGKIT_COLLECTION when it is not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only documents of which this holds: `language=de`, `tags=hr`, `uri^=handbook/`, `date>=2026-03`, "
        "`media_type=text/html`, `document=ID`, or any key of their metadata. Several: all must hold.",
    ),
]

_CONDITION = re.compile(r"([^=<>^]+?)\s*(\^=|>=|<=|=)\s*(.*)", re.DOTALL)
_LISTS = {"language": "languages", "tags": "tags", "media_type": "media_types", "document": "document_ids"}
_DATES = {">=": "since", "<=": "until"}


def filters_of(conditions: list[str] | None) -> Filters | None:
    """The filters that `--where` asks for; none where it asks for none."""
    if not conditions:
        return None
    found: dict[str, Any] = {"metadata": {}, "ranges": ()}
    for condition in conditions:
        match = _CONDITION.fullmatch(condition.strip())
        if match is None or (match[2] == "^=") != (match[1] == "uri"):
            raise typer.BadParameter(f"{condition!r} is not KEY=VALUE, KEY>=VALUE, KEY<=VALUE or uri^=PREFIX.")
        _add(found, *match.groups())
    return Filters(**found)


def _add(found: dict[str, Any], key: str, sign: str, value: str) -> None:
    if sign == "^=":
        found["uri_prefix"] = value
    elif sign == "=" and key in _LISTS:
        found[_LISTS[key]] = (*found.get(_LISTS[key], ()), value)
    elif sign == "=":
        found["metadata"][key] = value
    elif key == "date":
        found[_DATES[sign]] = value
    else:
        bound = "at_least" if sign == ">=" else "at_most"
        found["ranges"] += (Range(key=key, **{bound: _number_or_text(value)}),)


def _number_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
