"""`/v1/conversations`: what was said, branching off, and forgetting."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from typing_extensions import TypedDict

from ragkit.recorded import Conversation, ConversationView, Forgotten
from ragkit.service.deps import Body, KitToRead, Name, Text, a_number, while_connected
from ragkit.service.pages import Limit
from ragkit.service.spending import Spends
from ragkit.types import Answer

__all__ = ["BranchBody", "EditBody", "RenameBody", "router"]

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])

MessageId = Annotated[int, Field(ge=1, le=2**31 - 1), a_number]


class Conversations(TypedDict):
    conversations: tuple[Conversation, ...]


class RenameBody(Body):
    """What a conversation is called."""

    title: Annotated[Text, Field(max_length=200)]


class BranchBody(Body):
    """The message up to which is taken over; a question itself is not."""

    message_id: MessageId


class EditBody(BranchBody):
    """A question of the conversation, in other words."""

    question: Text


@router.get("", response_model=Conversations)
async def list_conversations(
    kit: KitToRead, limit: Limit = 50, before: Annotated[Name | None, Query()] = None
) -> Conversations:
    """The caller's, those last answered in first; `before` goes on after the one with this id."""
    return {"conversations": await kit.conversations.list(limit=limit, before=before)}


@router.get("/{conversation_id}", response_model=ConversationView)
async def show_conversation(conversation_id: Name, kit: KitToRead) -> ConversationView:
    """A conversation with its messages."""
    return await kit.conversations.show(conversation_id)


@router.patch("/{conversation_id}", response_model=Conversation)
async def rename_conversation(conversation_id: Name, body: RenameBody, kit: KitToRead) -> Conversation:
    """Give a conversation a title."""
    return await kit.conversations.rename(conversation_id, body.title)


@router.delete("/{conversation_id}", response_model=Forgotten)
async def delete_conversation(conversation_id: Name, kit: KitToRead, branches: bool = False) -> Forgotten:
    """Forget a conversation: its messages, answers and their records; with `branches` also what began as its copy."""
    return await kit.conversations.delete(conversation_id, branches=branches)


@router.post("/{conversation_id}/branch", response_model=Conversation, status_code=201)
async def branch_conversation(conversation_id: Name, body: BranchBody, kit: KitToRead) -> Conversation:
    """Begin another conversation with what was said up to a message; a question is left out, to be asked anew."""
    return await kit.conversations.branch(conversation_id, body.message_id)


@router.post("/{conversation_id}/edit", response_model=Answer, status_code=201)
async def edit_conversation(
    conversation_id: Name, body: EditBody, kit: KitToRead, spending: Spends, request: Request
) -> Answer:
    """Ask a question of a conversation in other words, in a branch of it."""
    await spending.begin(body.question, follows_up=True)
    edit = kit.conversations.edit(conversation_id, body.message_id, body.question)
    return await while_connected(request, spending.answered(edit, lambda answer: answer))
