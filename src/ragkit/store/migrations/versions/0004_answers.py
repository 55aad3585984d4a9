"""What tells equal passages, and what the documents of single pipelines count in a search."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_AT_ONCE = 1_000


def upgrade() -> None:
    op.add_column("chunks", sa.Column("passage_key", sa.LargeBinary(length=16), nullable=True))
    op.add_column("collections", sa.Column("weights", sa.JSON(), nullable=True))
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """The keys of the chunks that there are, some at a time: their texts may be more than fits into memory."""
    some = sa.text("SELECT id, heading, text FROM chunks WHERE id > :after ORDER BY id LIMIT :most")
    keep = sa.text("UPDATE chunks SET passage_key = :key WHERE id = :id")
    after = ""
    while rows := connection.execute(some, {"after": after, "most": _AT_ONCE}).all():
        connection.execute(keep, [{"id": row.id, "key": _passage_key(row.heading, row.text)} for row in rows])
        after = rows[-1].id


def _passage_key(heading: str, text: str) -> bytes:
    said = f"{heading}\0{' '.join(text.split())}"
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def downgrade() -> None:
    op.drop_column("collections", "weights")
    op.drop_column("chunks", "passage_key")
