"""What late interaction keeps of each passage: the signs of its tokens' vectors, beside the one vector of the text.

A bit a component is 48 bytes a token at 384 dimensions; the words that tell something of a passage of 220 tokens take
4 kB on average, 10 kB at most. They are content-keyed like the vectors, and go with them when a document is erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from ragkit.interaction import WORD
from ragkit.protocols import TokenVectors
from ragkit.store.batches import batches
from ragkit.store.engine import Database
from ragkit.store.tables import chunks, token_signs, vectors
from ragkit.text import STOPWORDS

__all__ = ["TokenSigns", "signs_of"]

_OF_CHUNKS = (
    select(chunks.c.id, token_signs.c.value)
    .join(token_signs, token_signs.c.key == chunks.c.vector_key)
    .where(chunks.c.id.in_(bindparam("ids", expanding=True)))
)


def signs_of(text: str, tokens: TokenVectors) -> bytes:
    """A bit a component, of the tokens of words that tell something; of all, where none does."""
    stop = [match.span() for match in WORD.finditer(text) if match.group().casefold() in STOPWORDS]
    kept = [row for row, span in enumerate(tokens.spans) if _tells(text, span, stop)] or list(range(len(tokens.spans)))
    return np.packbits(tokens.rows[kept] > 0, axis=1).tobytes()


class TokenSigns:
    """The stored signs of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, chunk_ids: Sequence[str]) -> dict[str, bytes]:
        """Those that are stored, by chunk id."""
        with self._database.look_up() as connection:
            return {
                row.id: row.value
                for batch in batches(chunk_ids)
                for row in connection.execute(_OF_CHUNKS, {"ids": batch})
            }

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those keys of vectors under which nothing is stored."""
        stored = select(token_signs.c.key)
        with self._database.read() as connection:
            found = {
                key for batch in batches(keys) for key in connection.scalars(stored.where(token_signs.c.key.in_(batch)))
            }
        return set(keys) - found

    def keys(self, chunk_ids: Sequence[str]) -> dict[str, bytes]:
        """The keys of the vectors of chunks, of those that are there."""
        keys = select(chunks.c.id, chunks.c.vector_key)
        with self._database.look_up() as connection:
            return {
                row.id: row.vector_key
                for batch in batches(chunk_ids)
                for row in connection.execute(keys.where(chunks.c.id.in_(batch)))
            }

    def keep(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values by the keys of vectors; what is there already stays, what was erased meanwhile is not kept."""
        with self._database.write() as connection:
            stored = select(vectors.c.key).where(vectors.c.key.in_(list(values))).order_by(vectors.c.key)
            there = set(connection.scalars(stored.with_for_update(read=True, key_share=True)))
            if there:
                dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
                rows = [{"key": key, "value": value} for key, value in values.items() if key in there]
                connection.execute(dialect.insert(token_signs).on_conflict_do_nothing(), rows)


def _tells(text: str, span: tuple[int, int], stop: Sequence[tuple[int, int]]) -> bool:
    if not any(map(str.isalnum, text[span[0] : span[1]])):
        return False
    return not any(start < span[1] and end > span[0] for start, end in stop)
