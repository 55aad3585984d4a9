"""Follows folders: what is created, changed, moved or deleted in them leads to one run over each folder concerned.

A run waits until the files have come to rest, so that a half-written one is not read and a burst of thousands is one
run; a file that never rests delays it for a limited time only.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.errors import RagkitError, StorageError
from ragkit.ingest.patterns import HIDDEN
from ragkit.ingest.sidecar import SUFFIX
from ragkit.ingest.sources import CATALOG, Root, missing

__all__ = ["Settling", "folder_changes", "follow"]

log = logging.getLogger(__name__)

TICK_MS = 200
PATIENCE = 30
"""A folder that is not at rest is ingested after so many times the rest that it should have."""

Signature = tuple[int, int] | None
"""Size and time of the last change; none for a file that is not there."""


def follow(
    roots: Mapping[str, Sequence[Root]],
    run: Callable[[str], object],
    *,
    changes: Iterable[Collection[str]],
    settle_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Call `run` with the name of each source: at once, and whenever files of it have changed and come to rest.

    An error of a run is logged, and the watch goes on.

    Args:
        roots: The folders and single files of each source, by its name.
        run: Ingests one of them.
        changes: The paths that have changed since the last tick, tick after tick, until the watch is over; from
            `folder_changes`.
        settle_s: How long files must stay as they are before they are read, in seconds.
        clock: Seconds.
    """
    settling = Settling(settle_s=settle_s)
    for turn, paths in enumerate(changes):
        for path in paths:
            for name in _concerned(roots, path):
                settling.note(name, path, clock())
        # All of them once the watch has begun: what changes during this run is seen, and is the next one's.
        for name in settling.due(clock()) if turn else roots:
            try:
                run(name)
            except RagkitError as error:
                log.error("%s could not be ingested: %s", name, error.detail)
            except Exception:
                log.exception("%s could not be ingested.", name)


def folder_changes(roots: Mapping[str, Sequence[Root]], stop: threading.Event) -> Iterator[Collection[str]]:
    """What changes below the roots, five times a second, until `stop` is set; it has begun with the first tick.

    Raises:
        InputError: A root is missing.
        StorageError: The system refuses to watch so much.
    """
    from watchfiles import watch

    # A file is followed through its folder: editors replace files, and the watch would stay with the old one.
    followed = [root.path for several in roots.values() for root in several]
    folders = {path.parent if path.is_file() else path for path in followed}
    for folder in folders:
        if not folder.is_dir():
            raise missing(folder)
    try:
        for batch in watch(
            *folders,
            watch_filter=None,
            debounce=TICK_MS,
            step=TICK_MS // 4,
            rust_timeout=TICK_MS,
            yield_on_timeout=True,
            stop_event=stop,
            raise_interrupt=True,
            ignore_permission_denied=True,
        ):
            yield {path for _, path in batch}
    except (OSError, RuntimeError) as error:  # the library's own error is a RuntimeError
        raise StorageError(
            f"The system refuses to follow {', '.join(map(repr, map(str, folders)))}: {error}.",
            hint="Raise fs.inotify.max_user_watches and fs.inotify.max_user_instances, or follow fewer folders.",
        ) from error


@dataclass(slots=True)
class _Folder:
    since: float
    """When the first change of this batch was seen."""
    waiting: dict[str, tuple[Signature, float]] = field(default_factory=dict)
    """What each path was like when it changed last, and when that was."""


class Settling:
    """Which roots have changed files that have come to rest.

    Args:
        settle_s: Seconds that a file must stay as it is.
        signature: What a path is like now.
    """

    def __init__(self, *, settle_s: float, signature: Callable[[str], Signature] | None = None) -> None:
        self._settle_s = settle_s
        self._signature = signature or _signature
        self._folders: dict[str, _Folder] = {}

    def note(self, name: str, path: str, now: float) -> None:
        """A path below a root has changed."""
        self._folders.setdefault(name, _Folder(since=now)).waiting[path] = (self._signature(path), now)

    def due(self, now: float) -> list[str]:
        """The roots that are to be ingested now; each is named once for a batch of changes."""
        ready = []
        for name, folder in list(self._folders.items()):
            folder.waiting = dict(self._restless(folder, now))
            if not folder.waiting or now - folder.since >= PATIENCE * self._settle_s:
                ready.append(name)
                del self._folders[name]
        return ready

    def _restless(self, folder: _Folder, now: float) -> Iterator[tuple[str, tuple[Signature, float]]]:
        for path, (before, since) in folder.waiting.items():
            after = self._signature(path)
            if after != before:
                yield path, (after, now)
            elif now - since < self._settle_s:
                yield path, (before, since)


def _concerned(roots: Mapping[str, Sequence[Root]], path: str) -> list[str]:
    """The sources that have a wanted file at this path, or a folder."""
    return [name for name, several in roots.items() if any(_wanted(root, Path(path)) for root in several)]


def _wanted(root: Root, path: Path) -> bool:
    if root.sidecars:
        path = Path(str(path).removesuffix(SUFFIX))  # a change of a sidecar is one of what it describes
    if not path.is_relative_to(root.path):
        return False
    below = path.relative_to(root.path)
    if any(part.startswith(HIDDEN) for part in below.parts):
        return False
    if any((root.path / folder / CATALOG).is_file() for folder in [below, *below.parents][:-1]):
        return False
    # What was deleted may have been a folder, and an included one: only `exclude` speaks for both.
    return path.is_dir() or (root.patterns.admits if path.is_file() else root.patterns.enters)(below.as_posix())


def _signature(path: str) -> Signature:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
