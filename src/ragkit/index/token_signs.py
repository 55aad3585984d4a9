"""What late interaction keeps of each passage: the signs of its tokens' vectors, beside the one vector of the text.

A bit a component is 48 bytes a token at 384 dimensions; the words that tell something of a passage of 220 tokens take
4 kB on average, 10 kB at most. They are content-keyed like the vectors, and go with them when a document is erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from ragkit.store.engine import Database
from ragkit.store.tables import chunks, token_signs, vectors

__all__ = ["TokenSigns"]

_BATCH = 500


class TokenSigns:
    """The stored signs of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, chunk_ids: Sequence[str]) -> dict[str, bytes]:
        """Those that are stored, by chunk id."""
        query = select(chunks.c.id, token_signs.c.value).join(token_signs, token_signs.c.key == chunks.c.vector_key)
        with self._database.read() as connection:
            return {
                row.id: row.value
                for start in range(0, len(chunk_ids), _BATCH)
                for row in connection.execute(query.where(chunks.c.id.in_(chunk_ids[start : start + _BATCH])))
            }

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values by chunk id; what is there already stays, what was erased meanwhile is not kept."""
        known = select(chunks.c.id, chunks.c.vector_key).join(vectors, vectors.c.key == chunks.c.vector_key)
        with self._database.write() as connection:
            rows = {
                row.vector_key: values[row.id] for row in connection.execute(known.where(chunks.c.id.in_(list(values))))
            }
            if rows:
                dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
                kept = [{"key": key, "value": value} for key, value in rows.items()]
                connection.execute(dialect.insert(token_signs).on_conflict_do_nothing(), kept)
