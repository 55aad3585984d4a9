"""What people say of answers, parts of prompts, from which probability on is answered; without what nothing reads."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("prompts", sa.Column("system", sa.Text(), nullable=False, server_default=""))
    op.add_column("prompts", sa.Column("examples", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("generations", sa.Column("answers_from", sa.Float(), nullable=True))
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("answer_id", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("citation", sa.Integer(), nullable=False),
        sa.Column("rating", sa.String(10), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("correction", sa.Text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_feedback_answer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    one = ["answer_id", "owner", "citation"]
    op.create_index("ix_feedback_answer_id_owner_citation", "feedback", one, unique=True)
    op.create_index("ix_feedback_created_at", "feedback", ["created_at"])
    op.drop_index("ix_versions_text_sha256", table_name="versions")
    op.drop_column("versions", "text_sha256")
    op.execute("DELETE FROM token_signs")  # they are made again when they are needed


def downgrade() -> None:
    op.add_column("versions", sa.Column("text_sha256", sa.String(64), nullable=True))
    op.create_index("ix_versions_text_sha256", "versions", ["text_sha256"])
    op.drop_table("feedback")
    op.drop_column("generations", "answers_from")
    op.drop_column("prompts", "examples")
    op.drop_column("prompts", "system")
