"""Looks over what ragkit needs on this machine: settings, disk, stores, models. No provider is called."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ragkit.errors import RagkitError
from ragkit.ingest.parsers import ocr
from ragkit.ingest.pipelines import load_pipelines
from ragkit.settings import Settings, unknown_names

if TYPE_CHECKING:
    from ragkit.engine import AsyncRagkit

__all__ = ["Finding", "State", "examined", "worst"]

State = Literal["ok", "warning", "problem"]

LITTLE_DISK, NO_DISK = 5_000_000_000, 500_000_000
"""Bytes below which space is short, and below which the next run is likely to fail."""
OVER_THE_NETWORK = frozenset({"9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "nfs", "nfs4", "smb3", "smbfs"})
"""File systems on which SQLite and Chroma lose data: their locks do not hold there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one look has shown."""

    subject: str
    state: State
    detail: str
    hint: str | None = None


async def examined(settings: Settings) -> AsyncIterator[Finding]:
    """Look at one thing after the other."""
    from ragkit.app import build

    for finding in (*_names(), _home(settings.home.resolve()), _pipelines(settings.pipelines), _ocr()):
        yield finding
    try:
        kit = build(settings)
    except RagkitError as error:
        yield _problem("catalog", error)
        return
    async with kit:
        for part, state in (await kit.ready()).items():
            # Without a worker uploads wait, and all else works.
            broken: State = "warning" if part == "worker" else "problem"
            yield Finding(subject=part, state="ok" if state == "ok" else broken, detail=state)
        if _behind_the_network(settings.embedder):
            yield Finding(subject="embedder", state="ok", detail=f"{settings.embedder} was not called")
        else:
            yield await _embedder(kit)
        yield await _collections(kit)


def _names() -> Iterator[Finding]:
    wrong = unknown_names()
    for name, near in wrong.items():
        hint = f"Did you mean {near}?" if near else "docs/reference/settings.md lists every setting."
        yield Finding(subject="settings", state="warning", detail=f"{name} is no setting and does nothing.", hint=hint)
    if not wrong:
        yield Finding(subject="settings", state="ok", detail="every RAGKIT_* variable is known")


def _home(home: Path) -> Finding:
    there = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(there, os.W_OK):
        hint = "Set RAGKIT_HOME to another folder, or give this user the right to write there."
        return Finding(subject="home", state="problem", detail=f"{home} cannot be written to.", hint=hint)
    if (kind := _file_system(there)) in OVER_THE_NETWORK:
        hint = "Put RAGKIT_HOME on a disk of this machine; several machines share a catalog on Postgres."
        detail = f"{home} is on a network file system ({kind})."
        return Finding(subject="home", state="problem", detail=detail, hint=hint)
    free = shutil.disk_usage(there).free
    state: State = "problem" if free < NO_DISK else "warning" if free < LITTLE_DISK else "ok"
    room = None if state == "ok" else "Make room: a million passages take about 10 GB."
    return Finding(subject="home", state=state, detail=f"{home}, {free / 1e9:.1f} GB free", hint=room)


def _file_system(path: Path) -> str:
    """Of what `path` is on; empty where the system does not say, as only Linux does."""
    mounts = Path("/proc/mounts")
    lines = mounts.read_text("utf-8", "replace").splitlines() if mounts.is_file() else []
    fields = [line.split() for line in lines]
    over = [(len(Path(at).parts), kind) for _, at, kind, *_ in fields if path.is_relative_to(at)]
    return max(over, default=(0, ""))[1]


def _pipelines(folder: Path) -> Finding:
    if not any(folder.glob("*.toml")):
        return Finding(subject="pipelines", state="ok", detail=f"none in {str(folder)!r}; files are ingested by name")
    try:
        names = [pipeline.name for pipeline in load_pipelines(folder)]
    except RagkitError as error:
        return _problem("pipelines", error)
    return Finding(subject="pipelines", state="ok", detail=", ".join(names))


def _ocr() -> Finding:
    if ocr.available():
        return Finding(subject="ocr", state="ok", detail="tesseract reads scanned pages")
    hint = "Install tesseract, or leave it: such pages are reported by number."
    return Finding(subject="ocr", state="warning", detail="Scanned pages cannot be read.", hint=hint)


def _behind_the_network(embedder: str) -> bool:
    return ":" in embedder and not Path(embedder).exists()


async def _embedder(kit: AsyncRagkit) -> Finding:
    try:
        await kit.embeddings.create(["The first one loads the model."])
        began = time.perf_counter()
        made = await kit.embeddings.create(["Does the embedder work?"])
    except RagkitError as error:
        return _problem("embedder", error)
    took = 1000 * (time.perf_counter() - began)
    detail = f"{made.embedder}, {len(made.rows[0])} dimensions, {took:.0f} ms for a question"
    return Finding(subject="embedder", state="ok", detail=detail)


async def _collections(kit: AsyncRagkit) -> Finding:
    try:
        found = await kit.collections.list()
    except RagkitError as error:
        return _problem("collections", error)
    told = ", ".join(f"{one.name} ({one.documents} documents, {one.chunks} chunks)" for one in found)
    return Finding(subject="collections", state="ok", detail=told or "none yet: `ragkit ingest PATH` makes one")


def _problem(subject: str, error: RagkitError) -> Finding:
    return Finding(subject=subject, state="problem", detail=error.detail, hint=error.hint)


def worst(findings: Iterable[Finding]) -> State:
    """The gravest of their states."""
    return max((one.state for one in findings), key=("ok", "warning", "problem").index, default="ok")
