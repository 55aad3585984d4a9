"""Every table of the catalog, for SQLite and Postgres alike.

The catalog is the truth: Chroma and tantivy hold only what can be rebuilt from here.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from ragkit.store.conversations import answered_from, answers, conversations, messages
from ragkit.store.evaluations import evaluations
from ragkit.store.feedback import feedback
from ragkit.store.jobs import jobs
from ragkit.store.keys import api_keys, key_usage, reservations
from ragkit.store.labels import facets, grants
from ragkit.store.schema import UtcDateTime, metadata
from ragkit.store.token_signs import token_signs

__all__ = [
    "answered_from",
    "answers",
    "api_keys",
    "attempts",
    "bands",
    "chunks",
    "collections",
    "conversations",
    "documents",
    "evaluations",
    "facets",
    "feedback",
    "generations",
    "grants",
    "jobs",
    "key_usage",
    "manifest",
    "messages",
    "metadata",
    "prompt_aliases",
    "prompts",
    "reservations",
    "snapshots",
    "token_signs",
    "vectors",
    "versions",
]


collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    # Raised by every change of what the collection answers from; readers compare it to know when they are stale.
    Column("sequence", BigInteger, nullable=False, default=0),
    # No foreign key: a generation points back at its collection.
    Column("generation_id", Integer, nullable=True),
    # Something was deleted, and what is derived from it has not been purged yet.
    Column("erasing", Boolean, nullable=False, server_default=false()),
    # Whether documents without access tags can be seen by callers that carry some.
    Column("untagged", Boolean, nullable=False, server_default=false()),
    # What the documents of single pipelines count in a search, as their files said at their last run.
    Column("weights", JSON(none_as_null=True), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
)

generations = Table(
    "generations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    # The EmbedderSpec as JSON: two generations never share a vector space by accident.
    Column("embedder", JSON, nullable=False),
    # The chunk profile that a reindex asked for; empty where settings and pipelines say it.
    Column("chunking", JSON(none_as_null=True), nullable=True),
    # A reindex chose its embedder, which is then opened whatever the setting says.
    Column("pinned", Boolean, nullable=False, server_default=false()),
    # When it stopped answering. One that neither answers nor ever did is being built.
    Column("retired_at", UtcDateTime, nullable=True),
    # Of the logit of the dense weight, as the collection was tuned.
    Column("dense_offset", Float, nullable=False, server_default="0"),
    # The probability from which on is answered, as the collection was tuned.
    Column("answers_from", Float, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("collection_id", "number"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("uri", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=True),
    # No foreign key: a version points back at its document.
    Column("live_version_id", Integer, nullable=True),
    # The archive or e-mail that it was found in; no foreign key, they go together in one transaction.
    Column("parent_id", String(40), nullable=True, index=True),
    Column("access", JSON, nullable=False, server_default="[]"),
    # What is in quarantine: these bytes, processed like this; and the bytes that an operator let through.
    Column("held_sha256", String(64), nullable=True),
    Column("held_fingerprint", String(200), nullable=True),
    Column("released_sha256", String(64), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=True),
    UniqueConstraint("collection_id", "uri"),
)

versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("generation_id", ForeignKey("generations.id", ondelete="CASCADE"), nullable=False),
    Column("sha256", String(64), nullable=False),
    # The version of another generation that it was made from, without reading the file again.
    Column("made_from", Integer, nullable=True),
    # Parser, chunker and profile: equal bytes are processed again when it changes.
    Column("fingerprint", String(200), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("text", Text, nullable=False),
    Column("pages", JSON, nullable=False),
    # Empty in what was written before they were kept; the chunks have the paths of theirs.
    Column("headings", JSON(none_as_null=True), nullable=True),
    Column("metadata", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    # Each quality filter with what it measured.
    Column("verdicts", JSON, nullable=False, server_default="[]"),
    # Similar signatures (MinHash) are near-duplicates.
    Column("signature", LargeBinary, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
)

# Versions that share a band are candidates for near-duplicates.
bands = Table(
    "bands",
    metadata,
    Column("band", LargeBinary(8), primary_key=True),
    Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True, index=True),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer, nullable=True),
    Column("heading", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("vector_key", LargeBinary(16), nullable=False, index=True),
    # Equal in all chunks that say the same under the same headings.
    Column("passage_key", LargeBinary(16), nullable=True),
    Index("ix_chunks_version_ordinal", "version_id", "ordinal"),
)

# Each time that a document was processed: the steps it went through with their times, and how it ended. One that was
# broken off by a crash has no outcome.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("sha256", String(64), nullable=True),
    Column("parser", String(60), nullable=False),
    Column("chunker", String(60), nullable=False),
    Column("steps", JSON, nullable=False),
    Column("outcome", String(20), nullable=True),
    Column("reason", Text, nullable=True),
)

# What answered when: a version was live while the sequence of the collection was in [since, until). A snapshot is a
# sequence number: it costs what has changed, not what there is. Entries outlive versions: those of a deleted document
# keep its hash as a tombstone.
manifest = Table(
    "manifest",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("document_id", String(40), nullable=False, index=True),
    Column("uri", Text, nullable=False),
    # No foreign key: empty once the version is past its retention or erased.
    Column("version_id", Integer, nullable=True, index=True),
    Column("sha256", String(64), nullable=False),
    Column("fingerprint", String(200), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=True),
    Column("ended_at", UtcDateTime, nullable=True),
    Column("erased_at", UtcDateTime, nullable=True),
    Index("ix_manifest_collection_until", "collection_id", "until"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("documents", Integer, nullable=False),
    # Of the manifest: whoever has it can check that a snapshot is what it was.
    Column("sha256", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# Content-keyed: the hash of the embedded input and the embedder, to a unit vector in half precision.
vectors = Table(
    "vectors",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

prompts = Table(
    "prompts",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("template", Text, nullable=False),
    Column("variables", JSON, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("system", Text, nullable=False, server_default=""),
    # Each with the values of the variables and the answer.
    Column("examples", JSON, nullable=False, server_default="[]"),
)

# Append-only: the newest row of (name, alias) is where the alias points, the one before it is what rollback restores.
prompt_aliases = Table(
    "prompt_aliases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("alias", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
    Index("ix_prompt_aliases_name_alias", "name", "alias"),
)
