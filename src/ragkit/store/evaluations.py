"""The table of stored evaluations."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Integer, String, Table

from ragkit.store.schema import UtcDateTime, metadata

__all__ = ["evaluations"]

# Names, not foreign keys: a measurement outlives the collection that it was made on.
evaluations = Table(
    "evaluations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("dataset", String(200), nullable=False),
    Column("dataset_sha256", String(64), nullable=False),
    Column("collection", String(200), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("made", JSON, nullable=False),
    Column("started_at", UtcDateTime, nullable=False, index=True),
    Column("took_s", Float, nullable=False),
    Column("measures", JSON, nullable=False),
    Column("intervals", JSON, nullable=False),
    Column("times", JSON, nullable=False),
    Column("gains", JSON, nullable=False),
    Column("missing", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
    # Ids, texts and values of the single questions, for paired comparison.
    Column("per_question", JSON, nullable=False),
)
