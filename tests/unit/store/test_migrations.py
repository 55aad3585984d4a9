"""What an earlier version wrote is all there after an upgrade."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from ragkit.index.duplicates import passage_key
from ragkit.store.engine import Database
from tests.schemas import ROWS, write_first_schema


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres"))
    return f"sqlite:///{tmp_path / 'ragkit.db'}"


def test_an_upgrade_keeps_every_row_of_the_first_schema(url: str) -> None:
    write_first_schema(url)
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
    write_first_schema(url)
    with closing(Database.open(url)) as database, database.read() as connection:
        said = connection.execute(sa.text("SELECT id, trace_id FROM messages ORDER BY id")).all()
        made = connection.execute(sa.text("SELECT trace_id, document_id FROM answered_from ORDER BY 1, 2")).all()
    assert [tuple(row) for row in said] == [(1, "t_1"), (2, "t_1"), (3, "t_2"), (4, "t_2")]
    assert [tuple(row) for row in made] == [("t_1", "doc_a"), ("t_2", "doc_b")]
