"""Whose a conversation is, how it is called and what it branched from; what belongs to which answer; keys."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_answers = sa.table(
    "answers", sa.column("id"), sa.column("conversation_id"), sa.column("trace", sa.JSON()), sa.column("created_at")
)
_messages = sa.table("messages", *map(sa.column, ("id", "conversation_id", "role", "text", "trace_id")))
_versions = sa.table("versions", sa.column("id"), sa.column("document_id"))
_chunks = sa.table("chunks", sa.column("id"), sa.column("version_id"))
_answered_from = sa.table("answered_from", sa.column("trace_id"), sa.column("document_id"))


def upgrade() -> None:
    for name, kind in (("owner", sa.String(300)), ("title", sa.Text()), ("branch_of", sa.String(40))):
        op.add_column("conversations", sa.Column(name, kind, nullable=True))
    op.add_column("conversations", sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE conversations SET updated_at = created_at")
    op.create_index("ix_conversations_updated_at", "conversations", ["updated_at"])
    op.create_index("ix_conversations_branch_of", "conversations", ["branch_of"])
    op.add_column("messages", sa.Column("trace_id", sa.String(40), nullable=True))
    op.create_index("ix_messages_trace_id", "messages", ["trace_id"])
    op.add_column("answers", sa.Column("replay_of", sa.String(40), nullable=True))
    op.create_index("ix_answers_created_at", "answers", ["created_at"])
    op.create_table(
        "answered_from",
        sa.Column("trace_id", sa.String(40), nullable=False),
        sa.Column("document_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "document_id", name="pk_answered_from"),
    )
    op.create_index("ix_answered_from_document_id", "answered_from", ["document_id"])
    _tie(op.get_bind())
    _create_keys()


def _tie(connection: sa.Connection) -> None:
    """Tell the messages that there are which answer they are, and the answers from which documents they were made."""
    listed = sa.select(_answers.c.id).order_by(_answers.c.conversation_id, _answers.c.created_at, _answers.c.id)
    for key in connection.scalars(listed).all():
        row = connection.execute(sa.select(_answers).where(_answers.c.id == key)).one()
        _claim(connection, row)
        found = [{"trace_id": key, "document_id": document_id} for document_id in _documents(connection, row.trace)]
        if found:
            connection.execute(sa.insert(_answered_from), found)


def _claim(connection: sa.Connection, answer: Any) -> None:
    """An answer's message is the first with its text that no other answer has; the question is the one before it."""
    free = (_messages.c.conversation_id == answer.conversation_id) & _messages.c.trace_id.is_(None)
    reply = (_messages.c.role == "assistant") & (_messages.c.text == answer.trace["answer"]["answer"])
    said = connection.scalar(sa.select(sa.func.min(_messages.c.id)).where(free, reply))
    if said is not None:
        question = (_messages.c.role == "user") & (_messages.c.id < said)
        asked = connection.scalar(sa.select(sa.func.max(_messages.c.id)).where(free, question))
        claimed = sa.update(_messages).where(_messages.c.id.in_((asked, said)))
        connection.execute(claimed.values(trace_id=answer.id))


def _documents(connection: sa.Connection, trace: dict[str, Any]) -> set[str]:
    """Those that it cites, and those whose passages were found for it, as far as they are kept."""
    of = sa.select(_versions.c.document_id).join(_chunks, _chunks.c.version_id == _versions.c.id)
    cited = {citation["document_id"] for citation in trace["answer"]["citations"]}
    return cited | set(connection.scalars(of.where(_chunks.c.id.in_([key for key, _ in trace["hits"]]))))


def _create_keys() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("previous_sha256", sa.LargeBinary(32), nullable=True),
        sa.Column("previous_until", moment, nullable=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("collections", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("access", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("rotated_at", moment, nullable=True),
        sa.Column("expires_at", moment, nullable=True),
        sa.Column("revoked_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_table(
        "key_usage",
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("window", sa.String(16), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_key_usage_key_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_id", "window", name="pk_key_usage"),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_reservations_key_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
    )
    op.create_index("ix_reservations_key_id_expires_at", "reservations", ["key_id", "expires_at"])


def downgrade() -> None:
    for table in ("reservations", "key_usage", "api_keys"):
        op.drop_table(table)
    op.drop_index("ix_answered_from_document_id", "answered_from")
    op.drop_table("answered_from")
    op.drop_index("ix_answers_created_at", "answers")
    op.drop_column("answers", "replay_of")
    op.drop_index("ix_messages_trace_id", "messages")
    op.drop_column("messages", "trace_id")
    op.drop_index("ix_conversations_branch_of", "conversations")
    op.drop_index("ix_conversations_updated_at", "conversations")
    for name in ("updated_at", "branch_of", "title", "owner"):
        op.drop_column("conversations", name)
