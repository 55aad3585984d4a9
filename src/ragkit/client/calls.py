"""What the service can be asked, as values: one function a call, shared by both clients."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

from pydantic import TypeAdapter

from ragkit.excerpts import Excerpt
from ragkit.explanation import Explanation
from ragkit.history import Rollback, SnapshotDiff, SnapshotEntry
from ragkit.rights import Key, KeyUsage, Limit, NewKey, Role
from ragkit.types import (
    Answer,
    Collection,
    DocumentView,
    Example,
    Filters,
    IngestReport,
    Job,
    Message,
    Mode,
    PromptVersion,
    Receipt,
    SearchResult,
)

__all__ = ["Call", "adapter", "get", "given", "part"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """A request, and how to read its reply."""

    method: str
    path: str
    result: Any
    """The type of the reply, as `TypeAdapter` takes it; `bytes` for a body that is not JSON, `Mapping` for headers."""
    field: str | None = None
    """The result is under this key of the reply."""
    query: Mapping[str, str] | None = None
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    file: tuple[str, bytes] | None = None
    content: bytes | None = None
    repeatable: bool = False
    """Doing it twice is as good as once, so it may be sent again when a reply was lost."""

    def read(self, body: bytes) -> T:
        """The result from the body of the reply.

        Raises:
            pydantic.ValidationError: The body is something else.
        """
        if self.result is bytes:
            return cast("T", body)
        if self.field is None:
            value: T = adapter(self.result).validate_json(body)
            return value
        fields: dict[str, T] = adapter(dict[str, self.result]).validate_json(body)  # type: ignore[name-defined]
        return fields[self.field]


@functools.cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def given(**fields: object) -> dict[str, Any]:
    """The fields that have a value; a service fills in its own defaults."""
    return {name: value for name, value in fields.items() if value is not None}


def _filters(filters: Filters | None) -> dict[str, Any] | None:
    return None if filters is None else {name: value for name, value in asdict(filters).items() if value}


def ask(
    question: str,
    *,
    collection: str | None,
    conversation_id: str | None,
    prompt: str | None,
    filters: Filters | None,
    mmr: float | None,
    history: Sequence[Message],
    stream: bool = False,
) -> Call[Answer]:
    body = given(
        question=question,
        collection=collection,
        conversation_id=conversation_id,
        prompt=prompt,
        filters=_filters(filters),
        mmr=mmr,
        history=[asdict(message) for message in history] or None,
        stream=stream or None,
        resumable=stream or None,
    )
    return Call(method="POST", path="/v1/ask", result=Answer, json=body)


def resume(trace_id: str, after: str) -> Call[Answer]:
    headers = {"Last-Event-ID": after}
    return Call(method="GET", path=f"/v1/ask/{part(trace_id)}/events", result=Answer, headers=headers)


def cancel(trace_id: str) -> Call[bytes]:
    return Call(method="DELETE", path=f"/v1/ask/{part(trace_id)}", result=bytes)


def search(
    query: str, *, collection: str | None, k: int, mode: Mode, filters: Filters | None, mmr: float | None
) -> Call[SearchResult]:
    body = given(query=query, collection=collection, k=k, mode=mode, filters=_filters(filters), mmr=mmr)
    return Call(method="POST", path="/v1/search", result=SearchResult, json=body, repeatable=True)


def explain(
    query: str,
    *,
    collection: str | None,
    k: int,
    mode: Mode,
    filters: Filters | None,
    access: Sequence[str] | None,
    mmr: float | None,
) -> Call[Explanation]:
    tags = None if access is None else list(access)
    body = given(query=query, collection=collection, k=k, mode=mode, filters=_filters(filters), access=tags, mmr=mmr)
    return Call(method="POST", path="/v1/explain", result=Explanation, json=body, repeatable=True)


def get_document(document_id: str, *, chunks: bool) -> Call[DocumentView]:
    return get(f"/v1/documents/{part(document_id)}", DocumentView, query={"chunks": str(chunks).lower()})


def document_text(document_id: str, *, start: int, end: int | None, page: int | None) -> Call[Excerpt]:
    query = {name: str(value) for name, value in given(start=start, end=end, page=page).items()}
    return get(f"/v1/documents/{part(document_id)}/text", Excerpt, query=query)


def document_file(document_id: str) -> Call[bytes]:
    return get(f"/v1/documents/{part(document_id)}/file", bytes)


def delete_document(document_id: str) -> Call[Receipt]:
    return Call(method="DELETE", path=f"/v1/documents/{part(document_id)}", result=Receipt)


def release_document(document_id: str) -> Call[IngestReport]:
    return Call(method="POST", path=f"/v1/documents/{part(document_id)}/release", result=IngestReport)


def upload_document(name: str, data: bytes, *, collection: str | None) -> Call[Job]:
    form = given(collection=collection)
    # Equal bytes under an equal name change nothing the second time.
    return Call(method="POST", path="/v1/documents", result=Job, form=form, file=(name, data), repeatable=True)


def list_collections() -> Call[tuple[Collection, ...]]:
    return get("/v1/collections", tuple[Collection, ...], field="collections")


def configure_collection(name: str, *, untagged: bool) -> Call[Collection]:
    body = {"untagged": untagged}
    return Call(method="PATCH", path=f"/v1/collections/{part(name)}", result=Collection, json=body, repeatable=True)


def delete_collection(name: str) -> Call[int]:
    return Call(method="DELETE", path=f"/v1/collections/{part(name)}", result=int, field="documents")


def get_job(job_id: str) -> Call[Job]:
    return get(f"/v1/jobs/{part(job_id)}", Job)


def start_job(pipeline: str) -> Call[Job]:
    # Twice is once: a run that waits to start already is the one that is given back.
    return Call(method="POST", path="/v1/jobs", result=Job, json={"pipeline": pipeline}, repeatable=True)


def change_job(job_id: str, change: str) -> Call[Job]:
    return Call(method="POST", path=f"/v1/jobs/{part(job_id)}/{change}", result=Job)


def show_snapshot(number: int, collection: str | None) -> Call[tuple[SnapshotEntry, ...]]:
    query = given(collection=collection)
    return get(f"/v1/snapshots/{number}", tuple[SnapshotEntry, ...], field="entries", query=query)


def diff_snapshots(a: int, b: int, collection: str | None) -> Call[SnapshotDiff]:
    return get(f"/v1/snapshots/{a}/diff/{b}", SnapshotDiff, query=given(collection=collection))


def roll_back_snapshot(number: int, collection: str | None) -> Call[Rollback]:
    body = given(collection=collection)
    return Call(method="POST", path=f"/v1/snapshots/{number}/rollback", result=Rollback, json=body)


def show_prompt(name: str, *, alias: str | None, version: int | None) -> Call[PromptVersion]:
    query = {key: str(value) for key, value in given(alias=alias, version=version).items()}
    return get(f"/v1/prompts/{part(name)}", PromptVersion, query=query)


def create_prompt(
    name: str, template: str, *, note: str, system: str, examples: Sequence[Example]
) -> Call[PromptVersion]:
    body: dict[str, Any] = {"name": name, "template": template, "note": note}
    body |= {"system": system} if system else {}
    body |= {"examples": [asdict(one) for one in examples]} if examples else {}
    return Call(method="POST", path="/v1/prompts", result=PromptVersion, json=body)


def promote_prompt(name: str, version: int, *, alias: str) -> Call[PromptVersion]:
    body = {"version": version, "alias": alias}
    return Call(method="POST", path=f"/v1/prompts/{part(name)}/promote", result=PromptVersion, json=body)


def roll_back_prompt(name: str, *, alias: str) -> Call[PromptVersion]:
    path = f"/v1/prompts/{part(name)}/rollback"
    return Call(method="POST", path=path, result=PromptVersion, json={"alias": alias})


def diff_prompt(name: str, a: int, b: int) -> Call[str]:
    return get(f"/v1/prompts/{part(name)}/diff", str, field="diff", query={"a": str(a), "b": str(b)})


def create_key(
    name: str,
    *,
    role: Role,
    collections: Sequence[str] | None,
    access: Sequence[str] | None,
    limits: Sequence[Limit],
    expires_at: datetime | None,
) -> Call[NewKey]:
    body = given(
        name=name,
        role=role,
        collections=None if collections is None else list(collections),
        access=None if access is None else list(access),
        limits=[asdict(limit) for limit in limits] or None,
        expires_at=None if expires_at is None else expires_at.isoformat(),
    )
    return Call(method="POST", path="/v1/keys", result=NewKey, json=body)


def rotate_key(key_id: str, *, overlap_s: float) -> Call[NewKey]:
    path = f"/v1/keys/{part(key_id)}/rotate"
    return Call(method="POST", path=path, result=NewKey, json={"overlap_s": overlap_s})


def revoke_key(key_id: str) -> Call[Key]:
    return Call(method="DELETE", path=f"/v1/keys/{part(key_id)}", result=Key, repeatable=True)


def key_usage(key_id: str) -> Call[KeyUsage]:
    return get(f"/v1/keys/{part(key_id)}/usage", KeyUsage)


def get(path: str, result: Any, *, field: str | None = None, query: Mapping[str, str] | None = None) -> Call[Any]:
    return Call(method="GET", path=path, result=result, field=field, query=query, repeatable=True)


def part(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")
