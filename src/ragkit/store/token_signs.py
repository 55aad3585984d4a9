"""The table of what a reranker compares of a text, token by token."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, LargeBinary, Table

from ragkit.store.schema import metadata

__all__ = ["token_signs"]

# It goes with the vector of the text.
token_signs = Table(
    "token_signs",
    metadata,
    Column("key", LargeBinary(16), ForeignKey("vectors.key", ondelete="CASCADE"), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
