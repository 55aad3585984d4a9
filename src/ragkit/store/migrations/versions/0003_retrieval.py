"""Filters and access tags as rows, generations beside the live one, stored evaluations, what a reranker keeps."""

import contextlib
import json
import math

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("dataset_sha256", sa.String(length=64), nullable=False),
        sa.Column("collection", sa.String(length=200), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("made", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_s", sa.Float(), nullable=False),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.Column("intervals", sa.JSON(), nullable=False),
        sa.Column("times", sa.JSON(), nullable=False),
        sa.Column("gains", sa.JSON(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("per_question", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
    )
    op.create_index("ix_evaluations_started_at", "evaluations", ["started_at"], unique=False)
    op.create_table(
        "facets",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.String(length=300), nullable=False),
        sa.Column("number", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_facets_version_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "name", "value", name="pk_facets"),
    )
    op.create_index("ix_facets_name_value", "facets", ["name", "value"], unique=False)
    op.create_index("ix_facets_name_number", "facets", ["name", "number"], unique=False)
    op.create_table(
        "grants",
        sa.Column("document_id", sa.String(length=40), nullable=False),
        sa.Column("tag", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_grants_document_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "tag", name="pk_grants"),
    )
    op.create_index("ix_grants_tag", "grants", ["tag"], unique=False)
    op.add_column("collections", sa.Column("untagged", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("generations", sa.Column("chunking", sa.JSON(), nullable=True))
    op.add_column("generations", sa.Column("pinned", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("generations", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("generations", sa.Column("dense_offset", sa.Float(), nullable=False, server_default="0"))
    op.create_table(
        "token_signs",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["vectors.key"], name="fk_token_signs_key", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name="pk_token_signs"),
    )
    op.add_column("versions", sa.Column("made_from", sa.Integer(), nullable=True))
    op.add_column("versions", sa.Column("headings", sa.JSON(), nullable=True))
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """Rows for what was written before there were any."""
    add_facet = sa.text("INSERT INTO facets VALUES (:version_id, :name, :value, :number)")
    for version_id, written in connection.execute(sa.text("SELECT id, metadata FROM versions")).all():
        said = json.loads(written) if isinstance(written, str) else written
        for name, value in sorted(_facets(said)):
            row = {"version_id": version_id, "name": name, "value": value, "number": _number(value)}
            connection.execute(add_facet, row)
    for document_id, written in connection.execute(sa.text("SELECT id, access FROM documents")).all():
        for tag in sorted(set(json.loads(written) if isinstance(written, str) else written)):
            row = {"document_id": document_id, "tag": tag[:100]}
            connection.execute(sa.text("INSERT INTO grants VALUES (:document_id, :tag)"), row)


def _facets(said: dict[str, str]) -> set[tuple[str, str]]:
    found = {(name[:100], value[:300]) for name, value in said.items() if name != "tags" and value}
    found |= {("tags", tag.strip()[:300]) for tag in said.get("tags", "").split(",") if tag.strip()}
    dates = [said[key] for key in ("date", "modified", "created") if said.get(key)]
    return found | ({("date", dates[0][:300])} if dates else set())


def _number(value: str) -> float | None:
    with contextlib.suppress(ValueError):
        number = float(value)
        return number if math.isfinite(number) else None
    return None


def downgrade() -> None:
    op.drop_column("versions", "headings")
    op.drop_column("versions", "made_from")
    op.drop_table("token_signs")
    op.drop_column("generations", "dense_offset")
    op.drop_column("generations", "retired_at")
    op.drop_column("generations", "pinned")
    op.drop_column("generations", "chunking")
    op.drop_column("collections", "untagged")
    op.drop_index("ix_grants_tag", table_name="grants")
    op.drop_table("grants")
    op.drop_index("ix_facets_name_number", table_name="facets")
    op.drop_index("ix_facets_name_value", table_name="facets")
    op.drop_table("facets")
    op.drop_index("ix_evaluations_started_at", table_name="evaluations")
    op.drop_table("evaluations")
