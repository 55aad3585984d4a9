"""Whose a conversation is, how it is called and what it branched from; which messages belong to which answer."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


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


def downgrade() -> None:
    op.drop_index("ix_answers_created_at", "answers")
    op.drop_column("answers", "replay_of")
    op.drop_index("ix_messages_trace_id", "messages")
    op.drop_column("messages", "trace_id")
    op.drop_index("ix_conversations_branch_of", "conversations")
    op.drop_index("ix_conversations_updated_at", "conversations")
    for name in ("updated_at", "branch_of", "title", "owner"):
        op.drop_column("conversations", name)
