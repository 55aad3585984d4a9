"""`ragkit conversations`: what was said, branching off, and forgetting."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.ask import print_answer
from ragkit.cli.connect import kit
from ragkit.cli.options import Before, Json, Limit
from ragkit.cli.output import console, print_json, print_table

__all__ = ["app"]

app = typer.Typer(help="What was said, branching off, and forgetting.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="From `ragkit conversations list`.")]
MessageId = Annotated[int, typer.Argument(metavar="MESSAGE", min=1, help="From `ragkit conversations show`.")]


@app.command("list")
def list_conversations(limit: Limit = 50, before: Before = None, json: Json = False) -> None:
    """Conversations, those last answered in first."""
    with kit() as ragkit:
        found = ragkit.conversations.list(limit=limit, before=before)
    if json:
        print_json({"conversations": found})
        return
    rows = [[c.id, f"{c.updated_at:%Y-%m-%d %H:%M}", str(c.messages), c.collection, c.title] for c in found]
    print_table(["id", "last answer", "messages", "collection", "title"], rows, empty="There is none.")


@app.command()
def show(conversation_id: Id, json: Json = False) -> None:
    """A conversation with its messages and their numbers."""
    with kit() as ragkit:
        found = ragkit.conversations.show(conversation_id)
    if json:
        print_json(found)
        return
    out = console()
    for said in found.messages:
        out.print(f"{said.id} {said.message.role}: {said.message.text}\n", markup=False)


@app.command()
def rename(
    conversation_id: Id, title: Annotated[str, typer.Argument(help="In a few words.")], json: Json = False
) -> None:
    """Give a conversation a title."""
    with kit() as ragkit:
        found = ragkit.conversations.rename(conversation_id, title)
    if json:
        print_json(found)
    else:
        console().print(f"{found.id}: {found.title}", markup=False)


@app.command()
def branch(conversation_id: Id, message_id: MessageId, json: Json = False) -> None:
    """Begin another conversation with what was said up to a message; a question itself is left out."""
    with kit() as ragkit:
        found = ragkit.conversations.branch(conversation_id, message_id)
    if json:
        print_json(found)
    else:
        console().print(f"{found.id} begins with {found.messages} messages of {conversation_id}.", markup=False)


@app.command()
def edit(
    conversation_id: Id,
    message_id: MessageId,
    question: Annotated[str, typer.Argument(help="The question in other words.")],
    json: Json = False,
) -> None:
    """Ask a question of a conversation in other words, in a branch: what was said stays."""
    with kit() as ragkit:
        answer = ragkit.conversations.edit(conversation_id, message_id, question)
    if json:
        print_json(answer)
    else:
        print_answer(answer)
        console().print(f"\nIn the branch {answer.conversation_id}.", markup=False)


@app.command()
def delete(
    conversation_id: Id,
    branches: Annotated[bool, typer.Option("--branches", help="Also those that began as a copy of it.")] = False,
    json: Json = False,
) -> None:
    """Forget a conversation: its messages, answers and their records are erased."""
    with kit() as ragkit:
        done = ragkit.conversations.delete(conversation_id, branches=branches)
    if json:
        print_json(done)
        return
    out = console()
    out.print(f"Erased {done.messages} messages and the records of {done.answers} answers.", markup=False)
    for key in done.branches:
        out.print(f"A branch still has what it copied: {key}", markup=False)
