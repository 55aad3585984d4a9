"""Tables that filters and access tags are resolved by: what is in the catalog as JSON, as rows with an index."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, String, Table

from ragkit.store.schema import metadata

__all__ = ["facets", "grants"]

# What a version says of itself: a row for each key of its metadata, and for each of its tags.
facets = Table(
    "facets",
    metadata,
    Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("value", String(300), primary_key=True),
    Column("number", Float, nullable=True),  # the value, where it is one
    Index("ix_facets_name_value", "name", "value"),
    Index("ix_facets_name_number", "name", "number"),
)

# Who may see a document: callers that carry one of its tags.
grants = Table(
    "grants",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(100), primary_key=True),
    Index("ix_grants_tag", "tag"),
)
