"""What the integration tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.jobs.ledger import JobLedger
from ragkit.store.engine import Database
from tests.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "docs"
    folder.mkdir()
    desk = Desk(tmp_path, folder, Database.open(f"sqlite:///{tmp_path / 'ragkit.db'}"))
    yield desk
    desk.parsers.close()
    desk.database.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A catalog; `indirect` parameters choose between `sqlite` and `postgres`."""
    url = f"sqlite:///{tmp_path / 'ragkit.db'}"
    if getattr(request, "param", "sqlite") == "postgres":
        url = request.getfixturevalue("postgres")
        monkeypatch.setenv("RAGKIT_DATABASE_URL", url)
    database = Database.open(url)
    yield database
    database.close()


@pytest.fixture
def ledger(database: Database) -> JobLedger:
    return JobLedger(database)
