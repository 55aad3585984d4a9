"""The feedback of `MemoryRagkit`, in a dictionary."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from ragkit.errors import InputError, NotFound
from ragkit.recorded import Complaint, Feedback, Rating
from ragkit.testing.said import THEN, MemoryAnswers

__all__ = ["MemoryFeedback"]


class MemoryFeedback:
    """One entry for each answer or citation.

    Args:
        answers: What can be spoken of.
    """

    def __init__(self, answers: MemoryAnswers) -> None:
        self._answers = answers
        self._given: dict[tuple[str, int | None], Feedback] = {}
        self._numbers = itertools.count(1)

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
        trace = await self._answers.show(answer_id)
        cited = [one.uri for one in trace.answer.citations]
        if citation is not None and not 0 <= citation < len(cited):
            raise InputError(f"citation: the answer has {len(cited)} citations, and {citation} counts from 0.")
        said = Feedback(
            id=f"fb_{next(self._numbers)}",
            answer_id=answer_id,
            collection=trace.collection,
            question=trace.question,
            cited=tuple(cited if citation is None else cited[citation : citation + 1]),
            citation=citation,
            rating=rating,
            reasons=tuple(reasons),
            comment=comment,
            correction=correction,
            created_at=THEN,
            updated_at=THEN,
        )
        before = self._given.get((answer_id, citation))
        self._given[answer_id, citation] = replace(said, id=before.id) if before else said
        return self._given[answer_id, citation]

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
        found = [
            one
            for one in reversed(self._given.values())
            if answer_id in {None, one.answer_id}
            and rating in {None, one.rating}
            and collection in {None, one.collection}
            and (reason is None or reason in one.reasons)
        ]
        ids = [one.id for one in found]
        if before is not None and before not in ids:
            raise NotFound(f"There is no feedback {before!r}.")
        start = 0 if before is None else ids.index(before) + 1
        return tuple(found[start : start + limit])

    async def delete(self, feedback_id: str) -> Feedback:
        for key, one in self._given.items():
            if one.id == feedback_id:
                return self._given.pop(key)
        raise NotFound(f"There is no feedback {feedback_id!r}.")
