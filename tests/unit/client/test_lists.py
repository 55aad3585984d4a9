"""Long lists, asked for page by page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ragkit.client import lists
from ragkit.types import Job

THEN = datetime(2026, 1, 1, tzinfo=UTC)
JOBS = tuple(
    Job(
        id=f"job_{number}",
        kind="ingest",
        state="done",
        collection="shop",
        uri="upload://a.md",
        report=None,
        error=None,
        created_at=THEN,
        updated_at=THEN,
    )
    for number in range(1100)
)


def sent(limit: int, before: str | None = None, *, all_at_once: bool = False) -> tuple[list[Any], tuple[Job, ...]]:
    """The parameters that a service was asked with, and what came of it."""
    pages, asked = lists.jobs(limit=limit, before=before), []
    call = next(pages)
    while True:
        query = dict(call.query or {})
        asked.append(query)
        start = int(query["before"].removeprefix("job_")) + 1 if "before" in query else 0
        try:
            call = pages.send(JOBS if all_at_once else JOBS[start : start + int(query["limit"])])
        except StopIteration as over:
            return asked, over.value


def test_all_are_asked_for_until_a_page_is_not_full() -> None:
    asked, found = sent(5_000)
    assert found == JOBS
    assert asked == [{"limit": "500"}, *({"limit": "500", "before": f"job_{n}"} for n in (499, 999))]


def test_no_more_are_asked_for_than_are_wanted() -> None:
    asked, found = sent(600, "job_9")
    assert found == JOBS[10:610]
    assert asked == [{"limit": "500", "before": "job_9"}, {"limit": "100", "before": "job_509"}]


def test_a_service_without_pages_is_asked_once() -> None:
    assert sent(5_000, all_at_once=True) == ([{"limit": "500"}], JOBS)
