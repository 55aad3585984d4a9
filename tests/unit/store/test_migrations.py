"""What an earlier version wrote is all there after an upgrade."""

from __future__ import annotations

import importlib
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from ragkit.index.duplicates import passage_key
from ragkit.store.engine import Database

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


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres"))
    return f"sqlite:///{tmp_path / 'ragkit.db'}"


def test_an_upgrade_keeps_every_row_of_the_first_schema(url: str) -> None:
    _write_first_schema(url)
    with closing(Database.open(url)) as database, database.read() as connection:
        for table in ROWS:
            assert connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() == 1, table
        entry = connection.execute(sa.text('SELECT uri, version_id, since, "until" FROM manifest')).one()
        facets = connection.execute(sa.text("SELECT name, value, number FROM facets ORDER BY name, value")).all()
        key = connection.execute(sa.text("SELECT passage_key FROM chunks")).scalar()
    assert bytes(key) == passage_key("", "text")
    assert tuple(entry) == ("s/a.md", 1, 0, None)
    assert [tuple(row) for row in facets] == [
        ("date", "2026-03", None),
        ("modified", "2026-03", None),
        ("tags", "hr", None),
        ("tags", "travel", None),
        ("year", "2019", 2019.0),
    ]


def test_an_upgrade_tells_messages_and_documents_which_answer_they_belong_to(url: str) -> None:
    _write_first_schema(url)
    with closing(Database.open(url)) as database, database.read() as connection:
        said = connection.execute(sa.text("SELECT id, trace_id FROM messages ORDER BY id")).all()
        made = connection.execute(sa.text("SELECT trace_id, document_id FROM answered_from ORDER BY 1, 2")).all()
    assert [tuple(row) for row in said] == [(1, "t_1"), (2, "t_1"), (3, "t_2"), (4, "t_2")]
    assert [tuple(row) for row in made] == [("t_1", "doc_a"), ("t_2", "doc_b")]


def _write_first_schema(url: str) -> None:
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
