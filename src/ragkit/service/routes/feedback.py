"""`/v1/feedback`: what people say of answers and of single citations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from ragkit.engine import AsyncRagkit
from ragkit.recorded import Complaint, Feedback, Rating
from ragkit.rights import covers
from ragkit.service.deps import Body, KitToRead, Name, Storable, a_number, caller_of
from ragkit.service.pages import Before, Limit

__all__ = ["FeedbackBody", "router"]

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])

_Note = Annotated[Storable, Field(max_length=10_000)]


class FeedbackBody(Body):
    """What an answer, or one of its citations, is worth."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "answer_id": "0b9ce1…",
                    "rating": "down",
                    "reasons": ["outdated"],
                    "correction": "Since March it is three months.",
                }
            ]
        }
    )

    answer_id: Name
    """The `trace_id` of the answer."""
    rating: Rating
    citation: Annotated[int, Field(ge=0, le=1000), a_number] | None = None
    """The place of a citation in the answer's list, from 0; without it the whole answer is meant."""
    reasons: tuple[Complaint, ...] = Field((), max_length=10)
    comment: _Note = ""
    correction: _Note = ""
    """What should have been answered."""


class Feedbacks(TypedDict):
    feedback: tuple[Feedback, ...]


@router.post("", response_model=Feedback, status_code=201)
async def give_feedback(body: FeedbackBody, kit: KitToRead) -> Feedback:
    """Say what an answer or a citation is worth; saying it again replaces what the caller said before."""
    said = body.model_dump(exclude={"answer_id", "rating"})
    return await kit.feedback.give(body.answer_id, body.rating, **said)


@router.get("", response_model=Feedbacks)
async def list_feedback(
    kit: KitToRead,
    request: Request,
    answer_id: Annotated[Name | None, Query()] = None,
    rating: Rating | None = None,
    reason: Complaint | None = None,
    collection: Annotated[Name | None, Query()] = None,
    limit: Limit = 50,
    before: Before = None,
) -> Feedbacks:
    """The newest first: the caller's own; everybody's for who has the role `operator` and no access tags."""
    found = await _seen(kit, request).feedback.list(
        answer_id=answer_id, rating=rating, reason=reason, collection=collection, limit=limit, before=before
    )
    return {"feedback": found}


@router.delete("/{feedback_id}", response_model=Feedback)
async def delete_feedback(feedback_id: Name, kit: KitToRead) -> Feedback:
    """Take back what the caller said."""
    return await kit.feedback.delete(feedback_id)


def _seen(kit: AsyncRagkit, request: Request) -> AsyncRagkit:
    caller = caller_of(request)
    if not covers(caller.role, "operator") or caller.access is not None:
        return kit
    whole: AsyncRagkit = request.app.state.kit
    return whole.seen_by(None, collections=caller.collections)
