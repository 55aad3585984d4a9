"""The table of what people said of answers."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text

from ragkit.store.schema import UtcDateTime, metadata

__all__ = ["feedback"]

# One row for each who says something, of an answer or of one of its citations; it goes with the record of the answer.
feedback = Table(
    "feedback",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(300), nullable=False),  # empty for who has no name
    Column("citation", Integer, nullable=False),  # its place among the answer's; -1 for the whole answer
    Column("rating", String(10), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("comment", Text, nullable=False),
    Column("correction", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_feedback_answer_id_owner_citation", "answer_id", "owner", "citation", unique=True),
    Index("ix_feedback_created_at", "created_at"),
)
