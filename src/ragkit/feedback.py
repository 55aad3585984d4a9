"""What hangs off the engine as `feedback`, and its blocking twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.answering import checked_limit
from ragkit.blocking_resources import Resource
from ragkit.callers import Caller, Within
from ragkit.recorded import Complaint, Feedback, Rating
from ragkit.threads import Threads

if TYPE_CHECKING:
    from ragkit.parts import Parts

__all__ = ["AsyncFeedback", "Feedbacks"]


class AsyncFeedback:
    """What people said of answers and of single citations. It goes with the record of the answer."""

    def __init__(self, parts: Parts, threads: Threads, caller: Caller, within: Within) -> None:
        self._stored = parts.feedback
        self._threads = threads
        self._name = caller.name
        self._within = within

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
        """Say what an answer, or one of its citations, is worth; saying it again replaces what was said before.

        Args:
            answer_id: The `trace_id` of the answer.
            rating: `up` or `down`.
            citation: The place of a citation in the answer's list, from 0; none for the whole answer.
            reasons: What is wrong with it.
            comment: In any words.
            correction: What should have been answered.

        Raises:
            NotFound: There is no such answer.
            InputError: There is no such citation, or the service keeps no texts.
        """
        return await self._threads.run(
            self._stored.give,
            answer_id,
            rating,
            citation=citation,
            reasons=reasons,
            comment=comment,
            correction=correction,
            caller=self._name,
        )

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
        """The newest first: a caller's own, and for operators everybody's.

        Args:
            answer_id: Only what was said of this answer.
            rating: Only this.
            reason: Only what names it.
            collection: Only of answers from it.
            limit: How many at most, up to 500.
            before: Go on after the one with this id.

        Raises:
            NotFound: There is no feedback `before`.
        """
        only = self._within.only if collection is None else (self._within.named(collection),)
        return await self._threads.run(
            self._stored.list,
            answer_id=answer_id,
            rating=rating,
            reason=reason,
            collections=only,
            limit=checked_limit(limit),
            before=before,
            caller=self._name,
        )

    async def delete(self, feedback_id: str) -> Feedback:
        """Take it back.

        Raises:
            NotFound: There is no such feedback.
        """
        return await self._threads.run(self._stored.delete, feedback_id, caller=self._name)


class Feedbacks(Resource):
    """See `AsyncFeedback`."""

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
        more = {"citation": citation, "reasons": reasons, "comment": comment, "correction": correction}
        return self._call(self._kit.feedback.give, answer_id, rating, **more)

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
        which = {"answer_id": answer_id, "rating": rating, "reason": reason, "collection": collection}
        return self._call(self._kit.feedback.list, **which, limit=limit, before=before)

    def delete(self, feedback_id: str) -> Feedback:
        return self._call(self._kit.feedback.delete, feedback_id)
