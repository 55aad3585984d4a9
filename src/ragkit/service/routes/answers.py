"""`/v1/answers`: the records of answers, and asking again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from typing_extensions import TypedDict

from ragkit.recorded import AnswerDiff, AnswerSummary, Replay, Trace
from ragkit.service.deps import Body, KitToOperate, KitToRead, Name, a_number, while_connected
from ragkit.service.pages import Limit
from ragkit.service.spending import Spends

__all__ = ["ReplayBody", "router"]

router = APIRouter(prefix="/v1/answers", tags=["answers"])


class Answers(TypedDict):
    answers: tuple[AnswerSummary, ...]


class Suggestions(TypedDict):
    questions: tuple[str, ...]


class ReplayBody(Body):
    """What shall be different; what is left out stays as it was, but for the model, which is that of the service."""

    prompt: Name | None = None
    """`name`, `name@alias` or `name@version`."""
    model: Name | None = None
    """As in `RAGKIT_LLM`."""
    generation: Annotated[int, Field(ge=1, le=2**31 - 1), a_number] | None = None


@router.get("", response_model=Answers)
async def list_answers(
    kit: KitToRead,
    conversation_id: Annotated[Name | None, Query()] = None,
    limit: Limit = 50,
    before: Annotated[Name | None, Query()] = None,
) -> Answers:
    """Records of the caller's answers, newest first; `before` goes on after the one with this id."""
    return {"answers": await kit.answers.list(conversation_id=conversation_id, limit=limit, before=before)}


@router.get("/{answer_id}", response_model=Trace)
async def show_answer(answer_id: Name, kit: KitToRead) -> Trace:
    """The record of one answer; its id is the answer's `trace_id`."""
    return await kit.answers.show(answer_id)


@router.get("/{answer_id}/suggestions", response_model=Suggestions)
async def suggest_questions(answer_id: Name, kit: KitToRead, limit: Limit = 3) -> Suggestions:
    """Questions to go on with, made of the headings of the documents that the answer cites; no model is asked."""
    return {"questions": await kit.answers.suggest(answer_id, limit=limit)}


@router.post("/{answer_id}/replay", response_model=Replay)
async def replay_answer(
    answer_id: Name, body: ReplayBody, kit: KitToOperate, spending: Spends, request: Request
) -> Replay:
    """Ask again what was asked, with another prompt, model or generation, and see the difference; for operators."""
    first = await kit.answers.show(answer_id)
    await spending.begin(first.standalone_question, follows_up=False, llm=body.model)
    replay = kit.answers.replay(answer_id, prompt=body.prompt, model=body.model, generation=body.generation)
    return await while_connected(request, spending.answered(replay, lambda again: again.trace.answer))


@router.get("/{a}/diff/{b}", response_model=AnswerDiff)
async def diff_answers(a: Name, b: Name, kit: KitToRead) -> AnswerDiff:
    """How answer `b` differs from answer `a`."""
    return await kit.answers.diff(a, b)
