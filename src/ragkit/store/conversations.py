"""The tables of what was asked and answered."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from ragkit.store.schema import UtcDateTime, metadata

__all__ = ["answered_from", "answers", "conversations", "messages"]

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("collection", String(200), nullable=False),
    # Who began it, and alone sees it beside operators of the engine itself; empty where that is such an operator.
    Column("owner", String(300), nullable=True),
    Column("title", Text, nullable=True),
    # No foreign key: a branch stays when what it began as a copy of is forgotten.
    Column("branch_of", String(40), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=True),
    Index("ix_conversations_updated_at", "updated_at"),
    Index("ix_conversations_branch_of", "branch_of"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("role", String(20), nullable=False),
    Column("text", Text, nullable=False),
    # No foreign key: the copy of a message in a branch may outlive the record of the answer.
    Column("trace_id", String(40), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_messages_trace_id", "trace_id"),
)

answers = Table(
    "answers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("trace", JSON, nullable=False),
    Column("took_ms", Float, nullable=False),
    # A replay is no part of what was said.
    Column("replay_of", String(40), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_answers_created_at", "created_at"),
)

# The documents that an answer was made from: all that were found for it. No foreign keys: copies of its messages in
# branches outlive the record, and who saves an answer sees whether its documents are still there.
answered_from = Table(
    "answered_from",
    metadata,
    Column("trace_id", String(40), primary_key=True),
    Column("document_id", String(40), primary_key=True),
    Index("ix_answered_from_document_id", "document_id"),
)
