"""What documents say of themselves, under one set of names."""

from __future__ import annotations

from collections.abc import Mapping

from ragkit.ingest.dates import DATES, iso_date

__all__ = ["described"]

_NAMES = {
    "authors": "author", "creator": "author", "by": "author", "keyword": "keywords", "lang": "language",
    "tag": "tags", "categories": "tags", "category": "tags", "summary": "description", "pubdate": "published",
    "published_at": "published", "created_at": "created", "creation_date": "created", "updated": "modified",
    "updated_at": "modified", "last_updated": "modified", "last_update": "modified", "lastmod": "modified",
    "last_modified": "modified",
}  # fmt: skip


def described(values: Mapping[str, str], **more: str) -> dict[str, str]:
    """Metadata under its usual names, dates in ISO 8601, without what is empty."""
    found: dict[str, str] = {}
    for key, value in {**values, **more}.items():
        name = _NAMES.get(key.lower().replace("-", "_"), key.lower())
        if value := value.strip():
            found.setdefault(name, iso_date(value) if name in DATES else value)
    return found
