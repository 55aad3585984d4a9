"""`feedback` of the clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragkit.client.calls import Call, get, given, part
from ragkit.client.sending import AsyncSender, Sender
from ragkit.recorded import Complaint, Feedback, Rating

__all__ = ["AsyncGiven", "Given"]


class Given:
    """What people said of answers of the service."""

    def __init__(self, send: Sender) -> None:
        self._send = send

    def give(
        self,
        answer_id: str,
        rating: Rating,
        *,
        citation: int | None = None,
        reasons: Sequence[Complaint] = (),
        comment: str = "",
        correction: str = "",
    ) -> Feedback:
        """Say what an answer, or one of its citations, is worth."""
        more = {"citation": citation, "reasons": reasons, "comment": comment, "correction": correction}
        return self._send(_give(answer_id, rating, **more))

    def list(
        self,
        *,
        answer_id: str | None = None,
        rating: Rating | None = None,
        reason: Complaint | None = None,
        collection: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> tuple[Feedback, ...]:
        """The newest first: a caller's own, and for operators everybody's."""
        which = {"answer_id": answer_id, "rating": rating, "reason": reason, "collection": collection}
        return self._send(_list(**which, limit=limit, before=before))

    def delete(self, feedback_id: str) -> Feedback:
        """Take it back."""
        return self._send(_delete(feedback_id))


class AsyncGiven:
    """The same on an event loop."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def give(
        self,
        answer_id: str,
        rating: Rating,
        *,
        citation: int | None = None,
        reasons: Sequence[Complaint] = (),
        comment: str = "",
        correction: str = "",
    ) -> Feedback:
        """Say what an answer, or one of its citations, is worth."""
        more = {"citation": citation, "reasons": reasons, "comment": comment, "correction": correction}
        return await self._send(_give(answer_id, rating, **more))

    async def list(
        self,
        *,
        answer_id: str | None = None,
        rating: Rating | None = None,
        reason: Complaint | None = None,
        collection: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> tuple[Feedback, ...]:
        """The newest first: a caller's own, and for operators everybody's."""
        which = {"answer_id": answer_id, "rating": rating, "reason": reason, "collection": collection}
        return await self._send(_list(**which, limit=limit, before=before))

    async def delete(self, feedback_id: str) -> Feedback:
        """Take it back."""
        return await self._send(_delete(feedback_id))


def _give(answer_id: str, rating: Rating, *, reasons: Any, **more: Any) -> Call[Feedback]:
    body = given(answer_id=answer_id, rating=rating, reasons=list(reasons), **more)
    # Said twice is said once.
    return Call(method="POST", path="/v1/feedback", result=Feedback, json=body, repeatable=True)


def _list(**which: Any) -> Call[tuple[Feedback, ...]]:
    query = {name: str(value) for name, value in given(**which).items()}
    return get("/v1/feedback", tuple[Feedback, ...], field="feedback", query=query)


def _delete(feedback_id: str) -> Call[Feedback]:
    return Call(method="DELETE", path=f"/v1/feedback/{part(feedback_id)}", result=Feedback)
