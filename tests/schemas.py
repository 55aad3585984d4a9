"""Catalogs as earlier versions wrote them."""

from __future__ import annotations

import importlib

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

MOMENT = "2026-01-02 03:04:05"
SAID = '{"tags": "hr, travel", "modified": "2026-03", "year": "2019"}'
ROWS = {
    "collections": f"(1, 'default', 7, 1, '{MOMENT}')",
    "generations": f"(1, 1, 1, '{{}}', '{MOMENT}')",
    "documents": f"('doc_a', 1, 's/a.md', 'live', NULL, 1, '{MOMENT}', '{MOMENT}')",
    "versions": "(1, 'doc_a', 1, 'abc', 'md/1 c/1', 4, 'A', 'text/markdown', 'text', '[]', "
    f"'{SAID}', '[]', '{MOMENT}')",
    "chunks": "('chk_a', 1, 0, 0, 4, NULL, '', 'text', '0123456789abcdef')",
    "conversations": f"('conv_1', 'default', '{MOMENT}')",
}

TRACES = {
    "t_1": '{"hits": [["chk_a", 0.5], ["chk_gone", 0.4]], "answer": {"answer": "It is so.", "citations": []}}',
    "t_2": '{"hits": [], "answer": {"answer": "It is so.", "citations": [{"document_id": "doc_b"}]}}',
}
"""Records of answers that say the same."""


def write_first_schema(url: str) -> None:
    """A catalog of the first schema, with a row in each table."""
    first = importlib.import_module("ragkit.store.migrations.versions.0001_initial")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            first.upgrade()
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0001')"))
        for table, values in ROWS.items():
            connection.execute(sa.text(f"INSERT INTO {table} VALUES {values}".replace(":", "\\:")))
        for number, (key, trace) in enumerate(TRACES.items()):
            asked, answered = 2 * number + 1, 2 * number + 2
            for message, role, text in ((asked, "user", "Why?"), (answered, "assistant", "It is so.")):
                row = f"({message}, 'conv_1', '{role}', '{text}', '{MOMENT}')"
                connection.execute(sa.text(f"INSERT INTO messages VALUES {row}".replace(":", "\\:")))
            row = f"('{key}', 'conv_1', '{trace}', 1.5, '{MOMENT}')"
            connection.execute(sa.text(f"INSERT INTO answers VALUES {row}".replace(":", "\\:")))
    engine.dispose()
