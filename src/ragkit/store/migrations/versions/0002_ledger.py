"""The ledger of attempts, quarantine, duplicates and corpus snapshots."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "manifest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.String(length=40), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=200), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name="fk_manifest_collection_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_manifest"),
    )
    with op.batch_alter_table("manifest") as batch_op:
        batch_op.create_index("ix_manifest_collection_until", ["collection_id", "until"], unique=False)
        batch_op.create_index("ix_manifest_document_id", ["document_id"], unique=False)
        batch_op.create_index("ix_manifest_version_id", ["version_id"], unique=False)

    op.create_table(
        "snapshots",
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name="fk_snapshots_collection_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "number", name="pk_snapshots"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("parser", sa.String(length=60), nullable=False),
        sa.Column("chunker", sa.String(length=60), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_attempts_document_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    with op.batch_alter_table("attempts") as batch_op:
        batch_op.create_index("ix_attempts_document_id", ["document_id"], unique=False)

    op.create_table(
        "bands",
        sa.Column("band", sa.LargeBinary(length=8), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_bands_version_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("band", "version_id", name="pk_bands"),
    )
    with op.batch_alter_table("bands") as batch_op:
        batch_op.create_index("ix_bands_version_id", ["version_id"], unique=False)

    with op.batch_alter_table("collections") as batch_op:
        batch_op.add_column(sa.Column("erasing", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("documents") as batch_op:
        batch_op.add_column(sa.Column("parent_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("access", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("held_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("held_fingerprint", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("released_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_documents_parent_id", ["parent_id"], unique=False)

    with op.batch_alter_table("versions") as batch_op:
        batch_op.add_column(sa.Column("verdicts", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("text_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("signature", sa.LargeBinary(), nullable=True))
        batch_op.create_index("ix_versions_text_sha256", ["text_sha256"], unique=False)

    # What is live now has been so since before there were snapshots.
    op.execute(
        "INSERT INTO manifest (collection_id, document_id, uri, version_id, sha256, fingerprint, generation, since) "
        "SELECT d.collection_id, d.id, d.uri, v.id, v.sha256, v.fingerprint, g.number, 0 FROM documents d "
        "JOIN versions v ON v.id = d.live_version_id JOIN generations g ON g.id = v.generation_id"
    )


def downgrade() -> None:
    with op.batch_alter_table("versions") as batch_op:
        batch_op.drop_index("ix_versions_text_sha256")
        batch_op.drop_column("signature")
        batch_op.drop_column("text_sha256")
        batch_op.drop_column("verdicts")

    with op.batch_alter_table("documents") as batch_op:
        batch_op.drop_index("ix_documents_parent_id")
        batch_op.drop_column("seen_at")
        batch_op.drop_column("released_sha256")
        batch_op.drop_column("held_fingerprint")
        batch_op.drop_column("held_sha256")
        batch_op.drop_column("access")
        batch_op.drop_column("parent_id")

    with op.batch_alter_table("collections") as batch_op:
        batch_op.drop_column("erasing")

    with op.batch_alter_table("bands") as batch_op:
        batch_op.drop_index("ix_bands_version_id")

    op.drop_table("bands")
    with op.batch_alter_table("attempts") as batch_op:
        batch_op.drop_index("ix_attempts_document_id")

    op.drop_table("attempts")
    op.drop_table("snapshots")
    with op.batch_alter_table("manifest") as batch_op:
        batch_op.drop_index("ix_manifest_version_id")
        batch_op.drop_index("ix_manifest_document_id")
        batch_op.drop_index("ix_manifest_collection_until")

    op.drop_table("manifest")
