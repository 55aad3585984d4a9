"""Whose a conversation is, how it is called and what it branched from; what belongs to which answer."""

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


def downgrade() -> None:
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
