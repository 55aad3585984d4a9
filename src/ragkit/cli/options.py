"""Options that commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ragkit.types import Filters, Range

__all__ = ["Before", "Collection", "Json", "Limit", "Mmr", "Report", "Where", "filters_of"]

Before = Annotated[str | None, typer.Option(metavar="ID", help="Go on after the one with this id.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many at most.")]
Report = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page about the answer, in HTML.")]
Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="The collection; RAGKIT_COLLECTION when it is not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Mmr = Annotated[
    float | None,
    typer.Option(
        "--mmr",
        metavar="LAMBDA",
        min=0,
        max=1,
        help="Take passages that differ: what relevance counts beside being unlike those before, 0 to 1.",
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only documents of which this holds: `language=de`, `tags=hr`, `uri^=handbook/`, `date>=2026-03`, "
        "`media_type=text/html`, `document=ID`, or any key of their metadata. Several: all must hold, but "
        "one of the languages, media types and documents.",
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
        _once(found, "uri_prefix", value, key)
    elif sign == "=" and key in _LISTS:
        found[_LISTS[key]] = (*found.get(_LISTS[key], ()), value)
    elif sign == "=":
        _once(found["metadata"], key, value, key)
    elif key == "date":
        _once(found, _DATES[sign], value, key)
    else:
        bound = "at_least" if sign == ">=" else "at_most"
        found["ranges"] += (Range(key=key, **{bound: _number_or_text(value)}),)


def _once(found: dict[str, Any], name: str, value: str, key: str) -> None:
    if found.setdefault(name, value) != value:
        raise typer.BadParameter(f"{key!r} is asked for twice: both {found[name]!r} and {value!r} cannot hold.")


def _number_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
