"""How the database reads the catalog."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from ragkit.index.generations import Collections
from ragkit.index.rows import ByIds
from ragkit.protocols import EmbedderSpec
from ragkit.store.engine import Database
from ragkit.store.tables import chunks


def test_looking_up_passages_reads_no_others() -> None:
    with closing(Database.open("sqlite:///ragkit.db")) as database:
        generation = Collections(database).ensure("c", EmbedderSpec(id="test", dimension=4, max_tokens=9))
        given = {"ids": [f"chk_{n}" for n in range(90)], "collection_id": 1}
        query = ByIds(select(chunks.c.text)).query(generation).params(given)
        text = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
        with database.read() as connection:
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert plan == [
        "SEARCH chunks USING INDEX sqlite_autoindex_chunks_1 (id=?)",
        "SEARCH versions USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH documents USING INDEX sqlite_autoindex_documents_1 (id=?)",
    ]
