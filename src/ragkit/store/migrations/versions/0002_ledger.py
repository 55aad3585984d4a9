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
    op.create_index("ix_manifest_collection_until", "manifest", ["collection_id", "until"], unique=False)
    op.create_index("ix_manifest_document_id", "manifest", ["document_id"], unique=False)
    op.create_index("ix_manifest_version_id", "manifest", ["version_id"], unique=False)
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
    op.create_index("ix_attempts_document_id", "attempts", ["document_id"], unique=False)
    op.create_table(
        "bands",
        sa.Column("band", sa.LargeBinary(length=8), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_bands_version_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("band", "version_id", name="pk_bands"),
    )
    op.create_index("ix_bands_version_id", "bands", ["version_id"], unique=False)
    op.add_column("collections", sa.Column("erasing", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("documents", sa.Column("parent_id", sa.String(length=40), nullable=True))
    op.add_column("documents", sa.Column("access", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("documents", sa.Column("held_sha256", sa.String(length=64), nullable=True))
    op.add_column("documents", sa.Column("held_fingerprint", sa.String(length=200), nullable=True))
    op.add_column("documents", sa.Column("released_sha256", sa.String(length=64), nullable=True))
    op.add_column("documents", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_documents_parent_id", "documents", ["parent_id"], unique=False)
    op.add_column("jobs", sa.Column("attempt", sa.Integer(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("wish", sa.String(length=10), nullable=True))
    op.add_column("jobs", sa.Column("only", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("progress", sa.JSON(), nullable=True))
    op.create_index(
        "ix_jobs_queued_pipeline",
        "jobs",
        ["uri"],
        unique=True,
        sqlite_where=sa.text("kind = 'pipeline' AND state = 'queued'"),
        postgresql_where=sa.text("kind = 'pipeline' AND state = 'queued'"),
    )
    op.add_column("versions", sa.Column("verdicts", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("versions", sa.Column("text_sha256", sa.String(length=64), nullable=True))
    op.add_column("versions", sa.Column("signature", sa.LargeBinary(), nullable=True))
    op.create_index("ix_versions_text_sha256", "versions", ["text_sha256"], unique=False)

    # What is live now has been so since before there were snapshots.
    op.execute(
        "INSERT INTO manifest (collection_id, document_id, uri, version_id, sha256, fingerprint, generation, since) "
        "SELECT d.collection_id, d.id, d.uri, v.id, v.sha256, v.fingerprint, g.number, 0 FROM documents d "
        "JOIN versions v ON v.id = d.live_version_id JOIN generations g ON g.id = v.generation_id"
    )


def downgrade() -> None:
    op.drop_index("ix_versions_text_sha256", table_name="versions")
    op.drop_column("versions", "signature")
    op.drop_column("versions", "text_sha256")
    op.drop_column("versions", "verdicts")
    op.drop_index(
        "ix_jobs_queued_pipeline",
        table_name="jobs",
        sqlite_where=sa.text("kind = 'pipeline' AND state = 'queued'"),
        postgresql_where=sa.text("kind = 'pipeline' AND state = 'queued'"),
    )
    op.drop_column("jobs", "progress")
    op.drop_column("jobs", "only")
    op.drop_column("jobs", "wish")
    op.drop_column("jobs", "attempt")
    op.drop_index("ix_documents_parent_id", table_name="documents")
    op.drop_column("documents", "seen_at")
    op.drop_column("documents", "released_sha256")
    op.drop_column("documents", "held_fingerprint")
    op.drop_column("documents", "held_sha256")
    op.drop_column("documents", "access")
    op.drop_column("documents", "parent_id")
    op.drop_column("collections", "erasing")
    op.drop_index("ix_bands_version_id", table_name="bands")
    op.drop_table("bands")
    op.drop_index("ix_attempts_document_id", table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("snapshots")
    op.drop_index("ix_manifest_version_id", table_name="manifest")
    op.drop_index("ix_manifest_document_id", table_name="manifest")
    op.drop_index("ix_manifest_collection_until", table_name="manifest")
    op.drop_table("manifest")
