"""Which documents a caller asks for, and which the caller may see, as conditions on the catalog.

Every value is a bound parameter. A condition on what a version says of itself can be written in two ways: as a set that
the database reads from an index and begins with, which suits a search for the few that fit, and as a test of each row,
which suits a look at some that are at hand.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true

from ragkit.errors import InputError
from ragkit.store.tables import documents, facets, grants, versions
from ragkit.types import MOST_CONDITIONS, Filters, Range

__all__ = ["EVERYTHING", "Scope", "checked", "conditions", "date_of", "facet_rows", "seen"]

_DAY = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")
_LARGEST = 2**53
"""Of whole numbers those below it are told from each other."""
_MOST_DOCUMENTS = 10_000
_LONGEST = 300
"""Characters of a value that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a search may find."""

    filters: Filters = field(default_factory=Filters)
    access: tuple[str, ...] | None = None
    """Tags that the caller carries; none for an operator, who may see everything."""

    @property
    def everything(self) -> bool:
        return self.access is None and self.filters == Filters()

    @property
    def by_sets(self) -> bool:
        """Whether some condition is a set of rows that the database can begin with, rather than with the collection."""
        return self.access is not None or any(True for _ in _said(self.filters)) or bool(self.filters.document_ids)


EVERYTHING = Scope()


def checked(filters: Filters | None) -> Filters:
    """The filters, by default those that let everything pass.

    Raises:
        InputError: A value cannot be compared, a day is not written as in ISO 8601, or there are too many conditions.
    """
    filters = filters or Filters()
    _check_texts(filters)
    for span in filters.ranges:
        for bound in (span.at_least, span.at_most):
            if bound is not None and not _comparable(bound):
                raise InputError(f"A range cannot end at {bound!r}.", hint="Give a number, or text.")
    for name in ("since", "until"):
        day = getattr(filters, name)
        if day is not None and not _DAY.fullmatch(day):
            raise InputError(f"{name!r} cannot be {day!r}.", hint="Write 2026-03-01, 2026-03 or 2026.")
    if any(
        isinstance(span.at_least, str) is not isinstance(span.at_most, str)
        for span in filters.ranges
        if None not in (span.at_least, span.at_most)
    ):
        raise InputError("A range goes from a number to a number, or from text to text.")
    if len(filters.tags) + len(filters.metadata) + len(filters.ranges) > MOST_CONDITIONS:
        raise InputError(f"There are more than {MOST_CONDITIONS} conditions on metadata.")
    # What is equal is written alike: searches in one scope are told from others by how it is written.
    return replace(filters, metadata=dict(sorted(filters.metadata.items())))


def _check_texts(filters: Filters) -> None:
    for name in ("document_ids", "media_types", "languages", "tags"):
        if isinstance(getattr(filters, name), str):
            raise InputError(f"{name!r} cannot be the text {getattr(filters, name)!r}.", hint="Give a list of texts.")
    if len(filters.document_ids) > _MOST_DOCUMENTS:
        raise InputError(f"There are more than {_MOST_DOCUMENTS} document ids.", hint="Filter by a prefix or a tag.")
    lists = (filters.document_ids, filters.media_types, filters.languages, filters.tags, filters.metadata)
    texts: list[Any] = [value for values in lists for value in values]
    texts += [*filters.metadata.values(), *(span.key for span in filters.ranges)]
    texts += [value for value in (filters.uri_prefix, filters.since, filters.until) if value is not None]
    for value in texts:
        if not isinstance(value, str) or not _comparable(value):
            raise InputError(f"Documents cannot be compared with {value!r}.", hint="Give text.")


def _comparable(value: object) -> bool:
    """Whether a database can hold a value: text that can be encoded, or a number of ordinary size."""
    if isinstance(value, str):
        return not _UNSTORABLE.search(value)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST


def conditions(scope: Scope, *, dialect: str, untagged: bool, as_sets: bool = False) -> Iterator[ColumnElement[bool]]:
    """What must hold of a row of `documents` joined with `versions`.

    Args:
        scope: What may be found.
        dialect: Of the database: `sqlite` or `postgresql`.
        untagged: Whether documents without tags can be seen by callers that carry some.
        as_sets: Whether the database is to begin with these conditions.
    """
    filters = scope.filters
    if filters.document_ids:
        yield documents.c.id.in_(filters.document_ids)
    if filters.uri_prefix:
        yield _begins_with(filters.uri_prefix, dialect)
    if filters.media_types:
        yield versions.c.media_type.in_(filters.media_types)
    for said in _said(filters):
        yield versions.c.id.in_(said) if as_sets else said.where(facets.c.version_id == versions.c.id).exists()
    if scope.access is not None:
        yield seen(scope.access, untagged=untagged, as_sets=as_sets)


def seen(
    access: tuple[str, ...] | None, *, untagged: bool | ColumnElement[bool], as_sets: bool = False
) -> ColumnElement[bool]:
    """What must hold of a row of `documents` for a caller with these tags to know of it."""
    if access is None:
        return true()
    of_document = select(grants.c.document_id).where(grants.c.document_id == documents.c.id)
    granted = select(grants.c.document_id).where(grants.c.tag.in_(access))
    shared = documents.c.id.in_(granted) if as_sets else of_document.where(grants.c.tag.in_(access)).exists()
    if untagged is False:
        return shared
    return or_(shared, and_(true() if untagged is True else untagged, ~of_document.exists()))


def facet_rows(version_id: int, metadata: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of `facets` for what a version says of itself; its date is the first that it has of three."""
    pairs = {(name[:100], value[:_LONGEST]) for name, value in metadata.items() if name != "tags" and value}
    pairs |= {("tags", tag.strip()[:_LONGEST]) for tag in metadata.get("tags", "").split(",") if tag.strip()}
    if date := date_of(metadata):
        pairs.add(("date", date[:_LONGEST]))
    return [
        {"version_id": version_id, "name": name, "value": value, "number": _number(value)}
        for name, value in sorted(pairs)
    ]


def date_of(metadata: Mapping[str, str]) -> str:
    """The date that a document gives itself, ISO 8601; empty where it gives none."""
    return next((metadata[key] for key in ("date", "modified", "created") if metadata.get(key)), "")


def _said(filters: Filters) -> Iterator[Select[tuple[int]]]:
    """For each condition on metadata, the ids of the versions that meet it."""
    name, value = facets.c.name, facets.c.value
    ids = select(facets.c.version_id)
    if filters.languages:
        yield ids.where(name == "language", value.in_(filters.languages))
    for tag in filters.tags:
        yield ids.where(name == "tags", value == tag[:_LONGEST])
    for key, wanted in filters.metadata.items():
        yield ids.where(name == key[:100], value == wanted[:_LONGEST])
    if filters.since or filters.until:
        yield ids.where(name == "date", *_dated(filters.since, filters.until))
    for span in filters.ranges:
        yield ids.where(name == span.key[:100], *_within(span))


def _dated(since: str | None, until: str | None) -> Iterator[ColumnElement[bool]]:
    """Each side as a bound that the database finds in its index, by years and months, and exactly."""
    value = facets.c.value
    if since:
        # `2026` may be the first of December 2026: a date that is not said in full is not left out.
        yield and_(value >= since[:4], or_(value >= since, value.in_((since[:4], since[:7]))))
    if until:
        yield and_(value <= f"{until[:7]}-99", func.substr(value, 1, len(until)) <= until)


def _within(span: Range) -> Iterator[ColumnElement[bool]]:
    for bound, at_least in ((span.at_least, True), (span.at_most, False)):
        if bound is not None:
            column: ColumnElement[Any] = facets.c.value if isinstance(bound, str) else facets.c.number
            yield column >= bound if at_least else column <= bound


def _begins_with(prefix: str, dialect: str) -> ColumnElement[bool]:
    uri = documents.c.uri
    same = func.substr(uri, 1, len(prefix)) == prefix
    # SQLite finds the place in its index; elsewhere the order of text is the database's own affair.
    return and_(uri >= prefix, uri < _after(prefix), same) if dialect == "sqlite" else same


def _after(prefix: str) -> str:
    """Text that sorts behind everything that begins with a prefix."""
    return prefix + "\U0010ffff\U0010ffff"


def _number(value: str) -> float | None:
    with contextlib.suppress(ValueError):
        number = float(value)
        return number if math.isfinite(number) else None
    return None
