"""What the integration tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
