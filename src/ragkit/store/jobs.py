"""The table of jobs."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text, text

from ragkit.store.schema import UtcDateTime, metadata

__all__ = ["jobs"]

# What a user sees of durable work; the workflow engine keeps its own tables elsewhere.
_WAITING = text("kind = 'pipeline' AND state = 'queued'")
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("collection", String(200), nullable=False),
    Column("uri", Text, nullable=False),
    Column("file_sha256", String(64), nullable=False),  # of an upload; empty for a pipeline
    Column("attempt", Integer, nullable=False, server_default="0"),  # each has a workflow of its own
    Column("wish", String(10), nullable=True),  # `pause` or `cancel`, until the worker has seen it
    Column("only", JSON, nullable=True),  # the uris that a retry is about
    Column("progress", JSON, nullable=True),
    Column("report", JSON, nullable=True),
    Column("error", Text, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # However often it is asked for, a pipeline waits for one run at most.
    Index("ix_jobs_queued_pipeline", "uri", unique=True, sqlite_where=_WAITING, postgresql_where=_WAITING),
)
