"""Parts of prompts beside the template."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("prompts", sa.Column("system", sa.Text(), nullable=False, server_default=""))
    op.add_column("prompts", sa.Column("examples", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("prompts", "examples")
    op.drop_column("prompts", "system")
