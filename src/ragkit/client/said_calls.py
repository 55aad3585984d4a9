"""What the service can be asked about conversations and answers, as values."""

from __future__ import annotations

from ragkit.client.calls import Call, get, given, part
from ragkit.recorded import AnswerDiff, AnswerSummary, Conversation, ConversationView, Forgotten, Replay, Trace
from ragkit.types import Answer

__all__ = [
    "branch_conversation",
    "delete_conversation",
    "diff_answers",
    "edit_conversation",
    "list_answers",
    "list_conversations",
    "rename_conversation",
    "replay_answer",
    "show_answer",
    "show_conversation",
    "suggest_questions",
]


def list_conversations(*, limit: int, before: str | None) -> Call[tuple[Conversation, ...]]:
    query = _query(limit=limit, before=before)
    return get("/v1/conversations", tuple[Conversation, ...], field="conversations", query=query)


def show_conversation(conversation_id: str) -> Call[ConversationView]:
    return get(f"/v1/conversations/{part(conversation_id)}", ConversationView)


def rename_conversation(conversation_id: str, title: str) -> Call[Conversation]:
    path = f"/v1/conversations/{part(conversation_id)}"
    return Call(method="PATCH", path=path, result=Conversation, json={"title": title}, repeatable=True)


def branch_conversation(conversation_id: str, message_id: int) -> Call[Conversation]:
    path = f"/v1/conversations/{part(conversation_id)}/branch"
    return Call(method="POST", path=path, result=Conversation, json={"message_id": message_id})


def edit_conversation(conversation_id: str, message_id: int, question: str) -> Call[Answer]:
    path = f"/v1/conversations/{part(conversation_id)}/edit"
    return Call(method="POST", path=path, result=Answer, json={"message_id": message_id, "question": question})


def delete_conversation(conversation_id: str, *, branches: bool) -> Call[Forgotten]:
    query = {"branches": "true"} if branches else None
    path = f"/v1/conversations/{part(conversation_id)}"
    return Call(method="DELETE", path=path, result=Forgotten, query=query)


def list_answers(*, conversation_id: str | None, limit: int, before: str | None) -> Call[tuple[AnswerSummary, ...]]:
    query = _query(conversation_id=conversation_id, limit=limit, before=before)
    return get("/v1/answers", tuple[AnswerSummary, ...], field="answers", query=query)


def show_answer(answer_id: str) -> Call[Trace]:
    return get(f"/v1/answers/{part(answer_id)}", Trace)


def suggest_questions(answer_id: str, *, limit: int) -> Call[tuple[str, ...]]:
    path = f"/v1/answers/{part(answer_id)}/suggestions"
    return get(path, tuple[str, ...], field="questions", query=_query(limit=limit))


def replay_answer(answer_id: str, *, prompt: str | None, model: str | None, generation: int | None) -> Call[Replay]:
    body = given(prompt=prompt, model=model, generation=generation)
    return Call(method="POST", path=f"/v1/answers/{part(answer_id)}/replay", result=Replay, json=body)


def diff_answers(a: str, b: str) -> Call[AnswerDiff]:
    return get(f"/v1/answers/{part(a)}/diff/{part(b)}", AnswerDiff)


def _query(**fields: object) -> dict[str, str]:
    return {name: str(value) for name, value in given(**fields).items()}
