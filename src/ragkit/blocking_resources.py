"""What hangs off `Ragkit` as attributes: the engine's resources with blocking methods."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from anyio.from_thread import BlockingPortal

from ragkit.excerpts import Excerpt
from ragkit.history import Rollback, Snapshot, SnapshotDiff, SnapshotEntry
from ragkit.recorded import (
    AnswerDiff,
    AnswerSummary,
    Conversation,
    ConversationView,
    Forgotten,
    Replay,
    Trace,
)
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

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit
    from ragkit.evaluate.compare import Comparison
    from ragkit.evaluate.groundedness import Groundedness
    from ragkit.evaluate.precision import Threshold
    from ragkit.evaluate.runs import Evaluation, PerQuestion
    from ragkit.evaluate.tuning import Tuning
    from ragkit.measuring import ChunkingOptions, RetrievalOptions

__all__ = [
    "Answers",
    "Collections",
    "Conversations",
    "Documents",
    "Evaluations",
    "Jobs",
    "Keys",
    "Prompts",
    "Snapshots",
]

T = TypeVar("T")


class Resource:
    """Calls the methods of an asynchronous resource through the portal."""

    def __init__(self, kit: AsyncRagkit, portal: BlockingPortal) -> None:
        self._kit = kit
        self._portal = portal

    def _call(self, method: Callable[..., Coroutine[Any, Any, T]], *args: object, **kwargs: object) -> T:
        result: T = self._portal.call(partial(method, *args, **kwargs))
        return result


class Documents(Resource):
    """See `AsyncDocuments`."""

    def list(
        self,
        *,
        collection: str | None = None,
        state: DocumentState | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> tuple[Document, ...]:
        page: dict[str, Any] = {"limit": limit, "after": after}
        return self._call(self._kit.documents.list, collection=collection, state=state, **page)

    def get(self, document_id: str, *, chunks: bool = False) -> DocumentView:
        return self._call(self._kit.documents.get, document_id, chunks=chunks)

    def text(self, document_id: str, *, start: int = 0, end: int | None = None, page: int | None = None) -> Excerpt:
        return self._call(self._kit.documents.text, document_id, start=start, end=end, page=page)

    def file(self, document_id: str) -> bytes:
        return self._call(self._kit.documents.file, document_id)

    def delete(self, document_id: str) -> Receipt:
        return self._call(self._kit.documents.delete, document_id)

    def release(self, document_id: str) -> IngestReport:
        return self._call(self._kit.documents.release, document_id)

    def upload(self, name: str, data: bytes, *, collection: str | None = None) -> Job:
        return self._call(self._kit.documents.upload, name, data, collection=collection)


class Collections(Resource):
    """See `AsyncCollections`."""

    def list(self) -> tuple[Collection, ...]:
        return self._call(self._kit.collections.list)

    def configure(self, name: str, *, untagged: bool) -> Collection:
        return self._call(self._kit.collections.configure, name, untagged=untagged)

    def delete(self, name: str) -> int:
        return self._call(self._kit.collections.delete, name)


class Prompts(Resource):
    """See `AsyncPrompts`."""

    def list(self) -> tuple[PromptVersion, ...]:
        return self._call(self._kit.prompts.list)

    def show(self, name: str, *, alias: str | None = None, version: int | None = None) -> PromptVersion:
        return self._call(self._kit.prompts.show, name, alias=alias, version=version)

    def create(
        self, name: str, template: str, *, note: str = "", system: str = "", examples: Sequence[Example] = ()
    ) -> PromptVersion:
        return self._call(self._kit.prompts.create, name, template, note=note, system=system, examples=examples)

    def promote(self, name: str, version: int, *, alias: str = "production") -> PromptVersion:
        return self._call(self._kit.prompts.promote, name, version, alias=alias)

    def rollback(self, name: str, *, alias: str = "production") -> PromptVersion:
        return self._call(self._kit.prompts.rollback, name, alias=alias)

    def diff(self, name: str, a: int, b: int) -> str:
        return self._call(self._kit.prompts.diff, name, a, b)


class Conversations(Resource):
    """See `AsyncConversations`."""

    def list(self, *, limit: int = 50, before: str | None = None) -> tuple[Conversation, ...]:
        return self._call(self._kit.conversations.list, limit=limit, before=before)

    def show(self, conversation_id: str) -> ConversationView:
        return self._call(self._kit.conversations.show, conversation_id)

    def rename(self, conversation_id: str, title: str) -> Conversation:
        return self._call(self._kit.conversations.rename, conversation_id, title)

    def branch(self, conversation_id: str, message_id: int) -> Conversation:
        return self._call(self._kit.conversations.branch, conversation_id, message_id)

    def edit(self, conversation_id: str, message_id: int, question: str) -> Answer:
        return self._call(self._kit.conversations.edit, conversation_id, message_id, question)

    def delete(self, conversation_id: str, *, branches: bool = False) -> Forgotten:
        return self._call(self._kit.conversations.delete, conversation_id, branches=branches)


class Answers(Resource):
    """See `AsyncAnswers`."""

    def list(
        self, *, conversation_id: str | None = None, limit: int = 50, before: str | None = None
    ) -> tuple[AnswerSummary, ...]:
        return self._call(self._kit.answers.list, conversation_id=conversation_id, limit=limit, before=before)

    def show(self, answer_id: str) -> Trace:
        return self._call(self._kit.answers.show, answer_id)

    def suggest(self, answer_id: str, *, limit: int = 3) -> tuple[str, ...]:
        return self._call(self._kit.answers.suggest, answer_id, limit=limit)

    def replay(
        self, answer_id: str, *, prompt: str | None = None, model: str | None = None, generation: int | None = None
    ) -> Replay:
        how = {"prompt": prompt, "model": model, "generation": generation}
        return self._call(self._kit.answers.replay, answer_id, **how)

    def diff(self, a: str, b: str) -> AnswerDiff:
        return self._call(self._kit.answers.diff, a, b)


class Jobs(Resource):
    """See `AsyncJobs`."""

    def list(self, *, limit: int = 500, before: str | None = None) -> tuple[Job, ...]:
        return self._call(self._kit.jobs.list, limit=limit, before=before)

    def get(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.get, job_id)

    def start(self, pipeline: str) -> Job:
        return self._call(self._kit.jobs.start, pipeline)

    def pause(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.pause, job_id)

    def resume(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.resume, job_id)

    def cancel(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.cancel, job_id)

    def retry(self, job_id: str) -> Job:
        return self._call(self._kit.jobs.retry, job_id)


class Snapshots(Resource):
    """See `AsyncSnapshots`."""

    def list(self, collection: str | None = None) -> tuple[Snapshot, ...]:
        return self._call(self._kit.snapshots.list, collection)

    def show(self, number: int, *, collection: str | None = None) -> tuple[SnapshotEntry, ...]:
        return self._call(self._kit.snapshots.show, number, collection=collection)

    def diff(self, a: int, b: int, *, collection: str | None = None) -> SnapshotDiff:
        return self._call(self._kit.snapshots.diff, a, b, collection=collection)

    def rollback(self, number: int, *, collection: str | None = None) -> Rollback:
        return self._call(self._kit.snapshots.rollback, number, collection=collection)


class Keys(Resource):
    """See `AsyncKeys`."""

    def create(
        self,
        name: str,
        *,
        role: Role = "reader",
        collections: Sequence[str] | None = None,
        access: Sequence[str] | None = None,
        limits: Sequence[Limit] = (),
        expires_at: datetime | None = None,
    ) -> NewKey:
        what = {"role": role, "collections": collections, "access": access, "limits": limits, "expires_at": expires_at}
        return self._call(self._kit.keys.create, name, **what)

    def list(self) -> tuple[Key, ...]:
        return self._call(self._kit.keys.list)

    def rotate(self, key_id: str, *, overlap_s: float = 0) -> NewKey:
        return self._call(self._kit.keys.rotate, key_id, overlap_s=overlap_s)

    def revoke(self, key_id: str) -> Key:
        return self._call(self._kit.keys.revoke, key_id)

    def usage(self, key_id: str) -> KeyUsage:
        return self._call(self._kit.keys.usage, key_id)


class Evaluations(Resource):
    """See `AsyncEvaluation`."""

    def retrieval(self, folder: str | Path, **options: Unpack[RetrievalOptions]) -> Evaluation:
        return self._call(self._kit.evaluate.retrieval, folder, **options)

    def chunking(self, folder: str | Path, **options: Unpack[ChunkingOptions]) -> Evaluation:
        return self._call(self._kit.evaluate.chunking, folder, **options)

    def golden(
        self, file: str | Path, *, collection: str | None = None, corpus: str | Path | None = None
    ) -> Evaluation:
        return self._call(self._kit.evaluate.golden, file, collection=collection, corpus=corpus)

    def groundedness(self, file: str | Path) -> Groundedness:
        return self._call(self._kit.evaluate.groundedness, file)

    def precision(self, questions: str | Path, **options: Any) -> Threshold:
        return self._call(self._kit.evaluate.precision, questions, **options)

    def forget_precision(self, *, collection: str | None = None) -> None:
        self._call(self._kit.evaluate.forget_precision, collection=collection)

    def tune(self, questions: str | Path | None = None, **options: Any) -> Tuning:
        return self._call(self._kit.evaluate.tune, questions, **options)

    def list(self) -> tuple[Evaluation, ...]:
        return self._call(self._kit.evaluate.list)

    def show(self, evaluation_id: str) -> Evaluation:
        return self._call(self._kit.evaluate.show, evaluation_id)

    def per_question(self, evaluation_id: str) -> PerQuestion:
        return self._call(self._kit.evaluate.per_question, evaluation_id)

    def compare(self, evaluation_id: str, *, against: str = "last") -> Comparison:
        return self._call(self._kit.evaluate.compare, evaluation_id, against=against)
