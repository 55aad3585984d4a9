"""An answerer over a real catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import insert

from ragkit.answer.conversations import Conversations
from ragkit.answer.pipeline import Answerer
from ragkit.answer.records import Records
from ragkit.errors import NotFound
from ragkit.index.generations import Collections
from ragkit.index.surroundings import Surroundings
from ragkit.prompts import PromptRegistry
from ragkit.protocols import ChatModel, EmbedderSpec
from ragkit.reader import Reader
from ragkit.settings import Settings
from ragkit.store.engine import Database, now
from ragkit.store.tables import documents
from ragkit.testing import HashedEmbedder
from ragkit.types import Section
from tests.asking import HIT, Build, FixedSearch


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{home / 'ragkit.db'}")
    generation = Collections(database).ensure("default", EmbedderSpec(id="e", dimension=4, max_tokens=9))
    row = {"id": "d", "uri": "u", "state": "live", "access": [], "created_at": now(), "updated_at": now()}
    with database.write() as connection:
        connection.execute(insert(documents).values(**row, collection_id=generation.collection_id))
    yield database
    database.close()


@pytest.fixture
def build(database: Database) -> Build:
    def build(
        chat: ChatModel,
        search: FixedSearch | None = None,
        sections: Mapping[str, Section] | None = None,
        **settings: object,
    ) -> Answerer:
        return Answerer(
            search=search or FixedSearch(HIT),
            generation=generation,
            chat=chat,
            prompts=PromptRegistry(database),
            sections=Surroundings(database) if sections is None else lambda _: sections,
            conversations=Conversations(database),
            records=Records(database, with_texts=Settings(**settings).store_texts),
            reader=Reader(HashedEmbedder()),
            settings=Settings(**settings),
        )

    return build


def generation(collection: str) -> int:
    if collection != "default":
        raise NotFound(f"There is no collection {collection!r}.")
    return 3
