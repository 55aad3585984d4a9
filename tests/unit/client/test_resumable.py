"""The course of an upload in parts: what is called next, whatever became of the call before."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ragkit.client.calls import Call
from ragkit.client.resumable import LOCKED_TRIES, Course, on_with, uploading
from ragkit.client.wire import Wire
from ragkit.errors import Locked, NotAllowed, NotFound, ParseFailed, TimedOut, TooLarge, UpstreamError
from ragkit.testing.resources import THEN
from ragkit.types import Job

JOB = Job(
    id="job_1",
    kind="ingest",
    state="queued",
    collection="hr",
    uri="upload://a.md",
    report=None,
    error=None,
    created_at=THEN,
    updated_at=THEN,
)
BEGUN = {"location": "/kb/v1/uploads/u1", "upload-offset": "0"}
DATA = b"0123456789"


def at(offset: int, **more: str) -> Mapping[str, str]:
    return {"upload-offset": str(offset)} | more


DONE = at(10, **{"x-job-id": "job_1"})


def course(source: io.BytesIO | None = None, delay: Callable[[int], float | None] = lambda _: 0.5) -> Course:
    source = source or io.BytesIO(DATA)
    return uploading("a.md", source, collection="hr", delay=delay, above=4, part_bytes=4)


def played(course: Course, *outcomes: object) -> list[Any]:
    """What it does, the outcomes of its calls being these."""
    steps, left = [on_with(course, None)], list(outcomes)
    while not isinstance(steps[-1], Job):
        steps.append(on_with(course, left.pop(0) if isinstance(steps[-1], Call) else None))
    assert left == []
    return steps


def told(steps: list[Any]) -> list[str]:
    """In one word each."""
    return [
        f"{step.method} {step.headers['Upload-Offset']} {step.content.decode()}"
        if isinstance(step, Call) and step.method == "PATCH"
        else f"{step.method} {step.path}"
        if isinstance(step, Call)
        else str(step)
        for step in steps[:-1]
    ]


def test_parts_follow_one_another_and_the_job_is_asked_for():
    steps = played(course(), BEGUN, at(4), at(8), DONE, JOB)
    assert told(steps) == ["POST /v1/uploads", "PATCH 0 0123", "PATCH 4 4567", "PATCH 8 89", "GET /v1/jobs/job_1"]
    assert steps[0].headers["Upload-Metadata"] == "filename YS5tZA==,collection aHI="
    assert steps[0].headers["Upload-Length"] == "10"
    assert steps[-1] == JOB


def test_what_is_small_goes_in_one_piece():
    steps = played(course(io.BytesIO(b"abcd")), JOB)
    assert told(steps) == ["POST /v1/documents"]
    assert steps[0].file == ("a.md", b"abcd")


@pytest.mark.parametrize("error", [UpstreamError("gone"), TimedOut("slow"), Locked("held")], ids=lambda e: e.code)
def test_after_a_break_it_asks_where_it_was_and_goes_on_there(error):
    wait = "1.0" if isinstance(error, Locked) else "0.5"
    steps = played(course(), BEGUN, at(4), error, UpstreamError("still"), at(6), DONE, JOB)
    asked = "HEAD /v1/uploads/u1"
    assert told(steps)[2:-1] == ["PATCH 4 4567", wait, asked, "0.5", asked, "PATCH 6 6789"]


def test_a_last_part_whose_reply_was_lost_is_not_sent_again():
    steps = played(course(), BEGUN, at(4), at(8), UpstreamError("gone"), DONE, JOB)
    assert told(steps)[-3:] == ["0.5", "HEAD /v1/uploads/u1", "GET /v1/jobs/job_1"]


def test_it_is_given_up_when_nothing_arrives():
    delay = Wire.of("http://kb.test", api_key=None, timeout=1, max_retries=1, own_client=True).upload_delay
    with pytest.raises(UpstreamError, match="gone 3"):
        played(course(delay=delay), BEGUN, *(UpstreamError(f"gone {number}") for number in range(4)))
    with pytest.raises(Locked):
        played(course(), BEGUN, *(Locked("held") for _ in range(LOCKED_TRIES + 1)))
    with pytest.raises(UpstreamError, match="not any further"):
        played(course(), BEGUN, at(0))


@pytest.mark.parametrize("error", [TooLarge("too long"), NotAllowed("revoked")], ids=lambda e: e.code)
def test_a_refusal_ends_it(error):
    with pytest.raises(type(error)):
        played(course(), BEGUN, error)


def test_a_service_that_does_not_know_it_gets_the_file_in_one_piece():
    for outcomes in ((NotFound("no such route"),), (BEGUN, at(4), NotFound("begun on another machine"))):
        steps = played(course(), *outcomes, JOB)
        assert told(steps)[-1] == "POST /v1/documents"
        assert steps[-2].file == ("a.md", DATA)


def test_a_file_that_becomes_shorter_is_told():
    source = io.BytesIO(DATA)
    steps = course(source)
    on_with(steps, None)
    on_with(steps, BEGUN)
    source.truncate(2)
    with pytest.raises(ParseFailed, match="shorter"):
        on_with(steps, at(4))
