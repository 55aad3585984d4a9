"""Answers to one question, from passages that are given."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

from sqlalchemy import func, select

from ragkit.answer.pipeline import Answerer
from ragkit.events import Event, Token
from ragkit.store.engine import Database
from ragkit.store.tables import answers
from ragkit.types import Filters, Hit, Mode, SearchResult

QUESTION = "Within how many days are refunds paid?"
TEXT = "Refunds are paid within 30 days. They go to the card that was used. Gift cards are not refundable."
HIT = Hit(
    rank=1, score=0.9, via=("dense",), document_id="d", uri="u", title="Returns policy", page=None, heading="",
    chunk_id="c", start=100, end=100 + len(TEXT), text=TEXT,
)  # fmt: skip


class FixedSearch:
    """Finds the same passages whatever is asked, and remembers what was asked."""

    def __init__(self, *hits: Hit, error: Exception | None = None) -> None:
        self.hits = hits
        self.error = error
        self.queries: list[str] = []
        self.mmr: float | None = None

    async def __call__(
        self,
        query: str,
        *,
        collection: str,
        k: int,
        mode: Mode,
        filters: Filters | None,
        access: tuple[str, ...] | None,
        mmr: float | None,
    ) -> SearchResult:
        self.queries.append(query)
        self.mmr = mmr
        if self.error:
            raise self.error
        return SearchResult(query=query, hits=self.hits[:k], took_ms=1.0)


Build = Callable[..., Answerer]


def recorded(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(answers)).scalar_one()


async def events_of(stream: AsyncGenerator[Event]) -> list[Event]:
    return [event async for event in stream]


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))
