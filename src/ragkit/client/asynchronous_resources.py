"""What hangs off `AsyncClient` as attributes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from ragkit.client import calls, lists, said_calls
from ragkit.client.sending import AsyncSender
from ragkit.excerpts import Excerpt
from ragkit.history import Rollback, Snapshot, SnapshotDiff, SnapshotEntry
from ragkit.recorded import AnswerDiff, AnswerSummary, Conversation, ConversationView, Forgotten, Replay, Trace
from ragkit.rights import Key, KeyUsage, Limit, NewKey, Role
from ragkit.types import (
    Answer,
    Collection,
    Document,
    DocumentState,
    DocumentView,
    Example,
    IngestReport,
    Job,
    PromptVersion,
    Receipt,
)

__all__ = ["Answers", "Collections", "Conversations", "Documents", "Jobs", "Keys", "Prompts", "Snapshots"]


class Documents:
    """Documents of the service."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(
        self,
        *,
        collection: str | None = None,
        state: DocumentState | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> tuple[Document, ...]:
        """The documents that can answer, or those in one state."""
        return await self._send.all(lists.documents(collection, state, limit=limit, after=after))

    async def get(self, document_id: str, *, chunks: bool = False) -> DocumentView:
        """A document with its text and, on request, its chunks."""
        return await self._send(calls.get_document(document_id, chunks=chunks))

    async def text(
        self, document_id: str, *, start: int = 0, end: int | None = None, page: int | None = None
    ) -> Excerpt:
        """A part of its text."""
        return await self._send(calls.document_text(document_id, start=start, end=end, page=page))

    async def file(self, document_id: str) -> bytes:
        """The file that was uploaded, as it came."""
        return await self._send(calls.document_file(document_id))

    async def delete(self, document_id: str) -> Receipt:
        """Erase a document everywhere."""
        return await self._send(calls.delete_document(document_id))

    async def release(self, document_id: str) -> IngestReport:
        """Let a document out of quarantine."""
        return await self._send(calls.release_document(document_id))

    async def upload(self, name: str, data: bytes, *, collection: str | None = None) -> Job:
        """Hand in a file; the job tells what becomes of it. A large one goes in parts, and on where it breaks off."""
        return await self._send.upload(name, io.BytesIO(data), collection=collection)


class Collections:
    """Collections of the service."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self) -> tuple[Collection, ...]:
        """All collections."""
        return await self._send(calls.list_collections())

    async def configure(self, name: str, *, untagged: bool) -> Collection:
        """Say whether documents without access tags can be seen by callers that carry some."""
        return await self._send(calls.configure_collection(name, untagged=untagged))

    async def delete(self, name: str) -> int:
        """Erase a collection, and return how many documents it had."""
        return await self._send(calls.delete_collection(name))


class Prompts:
    """Prompts of the service."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self) -> tuple[PromptVersion, ...]:
        """The versions of all prompts."""
        return await self._send.all(lists.prompts())

    async def show(self, name: str, *, alias: str | None = None, version: int | None = None) -> PromptVersion:
        """One version: by number, by alias, or the one in production."""
        return await self._send(calls.show_prompt(name, alias=alias, version=version))

    async def create(
        self, name: str, template: str, *, note: str = "", system: str = "", examples: Sequence[Example] = ()
    ) -> PromptVersion:
        """Add a version; it answers nothing until an alias points at it."""
        return await self._send(calls.create_prompt(name, template, note=note, system=system, examples=examples))

    async def promote(self, name: str, version: int, *, alias: str = "production") -> PromptVersion:
        """Point an alias at a version."""
        return await self._send(calls.promote_prompt(name, version, alias=alias))

    async def rollback(self, name: str, *, alias: str = "production") -> PromptVersion:
        """Point an alias where it pointed before."""
        return await self._send(calls.roll_back_prompt(name, alias=alias))

    async def diff(self, name: str, a: int, b: int) -> str:
        """What changed from one version to another, as a unified diff."""
        return await self._send(calls.diff_prompt(name, a, b))


class Conversations:
    """What callers with this key asked, and were answered."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self, *, limit: int = 50, before: str | None = None) -> tuple[Conversation, ...]:
        """Those last answered in first."""
        return await self._send(said_calls.list_conversations(limit=limit, before=before))

    async def show(self, conversation_id: str) -> ConversationView:
        """A conversation with its messages."""
        return await self._send(said_calls.show_conversation(conversation_id))

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        """Give it a title."""
        return await self._send(said_calls.rename_conversation(conversation_id, title))

    async def branch(self, conversation_id: str, message_id: int) -> Conversation:
        """Begin another conversation with what was said up to a message; a question is left out."""
        return await self._send(said_calls.branch_conversation(conversation_id, message_id))

    async def edit(self, conversation_id: str, message_id: int, question: str) -> Answer:
        """Ask a question of it in other words, in a branch."""
        return await self._send(said_calls.edit_conversation(conversation_id, message_id, question))

    async def delete(self, conversation_id: str, *, branches: bool = False) -> Forgotten:
        """Forget a conversation, on request with its branches."""
        return await self._send(said_calls.delete_conversation(conversation_id, branches=branches))


class Answers:
    """Records of answers."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(
        self, *, conversation_id: str | None = None, limit: int = 50, before: str | None = None
    ) -> tuple[AnswerSummary, ...]:
        """Newest first."""
        return await self._send(said_calls.list_answers(conversation_id=conversation_id, limit=limit, before=before))

    async def show(self, answer_id: str) -> Trace:
        """The record of one answer."""
        return await self._send(said_calls.show_answer(answer_id))

    async def suggest(self, answer_id: str, *, limit: int = 3) -> tuple[str, ...]:
        """Questions to go on with."""
        return await self._send(said_calls.suggest_questions(answer_id, limit=limit))

    async def replay(
        self, answer_id: str, *, prompt: str | None = None, model: str | None = None, generation: int | None = None
    ) -> Replay:
        """Ask again what was asked, and see the difference."""
        return await self._send(said_calls.replay_answer(answer_id, prompt=prompt, model=model, generation=generation))

    async def diff(self, a: str, b: str) -> AnswerDiff:
        """How one answer differs from another."""
        return await self._send(said_calls.diff_answers(a, b))


class Jobs:
    """Jobs of the service."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self, *, limit: int = 500, before: str | None = None) -> tuple[Job, ...]:
        """The newest jobs first."""
        return await self._send.all(lists.jobs(limit=limit, before=before))

    async def get(self, job_id: str) -> Job:
        """How far a job is, and its report when it is done."""
        return await self._send(calls.get_job(job_id))

    async def start(self, pipeline: str) -> Job:
        """Run a pipeline of the service by its name."""
        return await self._send(calls.start_job(pipeline))

    async def pause(self, job_id: str) -> Job:
        """Stop after the batch under way, until it is resumed."""
        return await self._send(calls.change_job(job_id, "pause"))

    async def resume(self, job_id: str) -> Job:
        """Go on with a paused job."""
        return await self._send(calls.change_job(job_id, "resume"))

    async def cancel(self, job_id: str) -> Job:
        """Stop after the batch under way, for good."""
        return await self._send(calls.change_job(job_id, "cancel"))

    async def retry(self, job_id: str) -> Job:
        """Try again the documents that failed, and no others."""
        return await self._send(calls.change_job(job_id, "retry"))


class Snapshots:
    """Earlier states of the service's collections."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def list(self, collection: str | None = None) -> tuple[Snapshot, ...]:
        """Those of one collection, newest first."""
        return await self._send.all(lists.snapshots(collection))

    async def show(self, number: int, *, collection: str | None = None) -> tuple[SnapshotEntry, ...]:
        """The documents of one, by uri."""
        return await self._send(calls.show_snapshot(number, collection))

    async def diff(self, a: int, b: int, *, collection: str | None = None) -> SnapshotDiff:
        """What changed from snapshot `a` to snapshot `b`."""
        return await self._send(calls.diff_snapshots(a, b, collection))

    async def rollback(self, number: int, *, collection: str | None = None) -> Rollback:
        """Answer from the documents of an earlier snapshot again."""
        return await self._send(calls.roll_back_snapshot(number, collection))


class Keys:
    """The service's API keys, for admins."""

    def __init__(self, send: AsyncSender) -> None:
        self._send = send

    async def create(
        self,
        name: str,
        *,
        role: Role = "reader",
        collections: Sequence[str] | None = None,
        access: Sequence[str] | None = None,
        limits: Sequence[Limit] = (),
        expires_at: datetime | None = None,
    ) -> NewKey:
        """Make a key; its secret is told this once."""
        return await self._send(
            calls.create_key(
                name, role=role, collections=collections, access=access, limits=limits, expires_at=expires_at
            )
        )

    async def list(self) -> tuple[Key, ...]:
        """Every key, newest first."""
        return await self._send.all(lists.keys())

    async def rotate(self, key_id: str, *, overlap_s: float = 0) -> NewKey:
        """Give a key another secret."""
        return await self._send(calls.rotate_key(key_id, overlap_s=overlap_s))

    async def revoke(self, key_id: str) -> Key:
        """Let in nobody with this key any more."""
        return await self._send(calls.revoke_key(key_id))

    async def usage(self, key_id: str) -> KeyUsage:
        """What a key has used."""
        return await self._send(calls.key_usage(key_id))
