"""The tables of API keys, and of what they have used."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from ragkit.store.schema import UtcDateTime, metadata

__all__ = ["api_keys", "key_usage", "reservations"]

# Of a secret only the hash is kept. A row outlives its key: what was revoked stays, so that a service that was guarded
# once is never open again.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("secret_sha256", LargeBinary(32), nullable=False),
    # The secret before a rotation, as long as it goes on.
    Column("previous_sha256", LargeBinary(32), nullable=True),
    Column("previous_until", UtcDateTime, nullable=True),
    Column("role", String(20), nullable=False),
    Column("collections", JSON(none_as_null=True), nullable=True),
    Column("access", JSON(none_as_null=True), nullable=True),
    Column("limits", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("rotated_at", UtcDateTime, nullable=True),
    Column("expires_at", UtcDateTime, nullable=True),
    Column("revoked_at", UtcDateTime, nullable=True),
)

# One row for each month, day and minute in which a key was used, by the ISO 8601 beginning of its time: `2026-11`,
# `2026-11-21`, `2026-11-21T23:20`.
key_usage = Table(
    "key_usage",
    metadata,
    Column("key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    Column("window", String(16), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("micros", BigInteger, nullable=False),  # millionths of a US dollar
)

# What answers under way may use at most, and what is counted for them until it is known.
reservations = Table(
    "reservations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("micros", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_reservations_key_id_expires_at", "key_id", "expires_at"),
)
