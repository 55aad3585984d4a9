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
}


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
    engine.dispose()
