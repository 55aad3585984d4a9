"""Where documents come from: files, folders and globs, each with the uri that identifies it in its collection.

A folder is walked without following links to folders, so that a loop of links cannot hang a run; hidden files and
editors' lock files are passed over.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ragkit.errors import InputError, RagkitError, StorageError
from ragkit.ingest.patterns import HIDDEN, Patterns
from ragkit.ingest.sidecar import SUFFIX, alone, describes, read_sidecar

__all__ = ["Item", "Origin", "Root", "discover", "failing", "missing", "readable", "roots_of"]


INSIDE = "!/"
"""Between the uri of a container and the name of what is in it."""
CATALOG = "ragkit.db"
"""A folder below a root that has this file is a `RAGKIT_HOME`: what ragkit keeps there is no document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file to ingest."""

    uri: str
    path: Path
    name: str
    """The name that the parser is chosen by."""
    options: Mapping[str, str] = field(default_factory=dict)
    """For the parser."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """From a sidecar; it wins over what the parser finds in the file."""
    access: tuple[str, ...] = ()
    sha256: str | None = None
    """Of the bytes, where the source says that they are those of an earlier run without handing them out."""
    fetch: Callable[[], object] | None = None
    """Brings the bytes to `path`, or raises a `RagkitError` that says why it cannot; none: they are there."""


class Origin(Protocol):
    """A source of files: `Root` for those of this machine, `UrlList` and `Bucket` for others."""

    @property
    def prefix(self) -> str:
        """What every uri begins with; `--prune` acts on these only."""
        ...

    def items(self) -> Iterator[Item]:
        """Every file, in a stable order.

        Raises:
            RagkitError: The source is missing, or cannot be listed to its end.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A file or folder to ingest from.

    Attributes:
        path: Where it is.
        prefix: What every uri below it begins with; a single file's whole uri.
        patterns: Which files below it are wanted.
        sidecars: Whether `NAME.meta.json` holds the metadata of `NAME`, and is no document.
        options: For the parser.
        access: For each document.
    """

    path: Path
    prefix: str
    patterns: Patterns = field(default_factory=Patterns)
    sidecars: bool = True
    options: Mapping[str, str] = field(default_factory=dict)
    access: tuple[str, ...] = ()

    def items(self) -> Iterator[Item]:
        """Every file below the root.

        Raises:
            InputError: The root is missing.
            StorageError: A folder cannot be read.
        """
        if self.path.is_file():
            name = self.path.name
            beside = (name + SUFFIX, name.removesuffix(SUFFIX)) if self.sidecars else ()
            names = {other for other in beside if other != name and self.path.with_name(other).is_file()}
            if not describes(name, names):
                yield self._item(str(self.path), name, "", names)
            return
        if not self.path.is_dir():
            raise missing(self.path)
        yield from self._walk()

    def _walk(self) -> Iterator[Item]:
        patterns = None if self.patterns.everything else self.patterns
        waiting = [("", str(self.path))]
        while waiting:
            above, folder = waiting.pop()
            entries = _entries(folder, root=not above)
            if above and any(entry.name == CATALOG for entry in entries):
                continue
            names = {entry.name for entry in entries} if self.sidecars else set()
            subfolders = []
            for entry in entries:
                name = entry.name
                if name.startswith(HIDDEN):
                    continue
                below = above + name
                if entry.is_dir(follow_symlinks=False):
                    if not patterns or patterns.enters(below + "/"):
                        subfolders.append((below + "/", entry.path))
                elif _is_file(entry) and (not patterns or patterns.admits(below)) and not describes(name, names):
                    yield self._item(entry.path, name, below, names)
            waiting += reversed(subfolders)

    def _item(self, path: str, name: str, below: str, names: set[str]) -> Item:
        item = Item(
            uri=self.prefix + readable(below),
            path=Path(path),
            name=name,
            options=self.options,
            access=self.access,
        )
        if self.sidecars and name.endswith(SUFFIX):
            return replace(item, fetch=failing(alone(name)))
        return _with_sidecar(item, Path(path + SUFFIX)) if name + SUFFIX in names else item


def roots_of(paths: Sequence[str]) -> list[Root]:
    """Read paths and globs from a command line.

    Raises:
        InputError: A path does not exist, or a glob matches nothing.
    """
    roots = []
    for given in paths:
        found = [Path(given)] if os.path.exists(given) else _expand(given)  # noqa: PTH110 (never raises)
        if not found:
            raise InputError(f"There is no file or folder {given!r}.", hint=f"Looked from {str(Path.cwd())!r}.")
        roots += [_root(Path(os.path.realpath(path))) for path in found]  # `resolve` fails on a link to itself
    return roots


def discover(origins: Sequence[Origin]) -> list[Item]:
    """Every file of the origins, once, in a stable order.

    Raises:
        RagkitError: An origin is missing, or cannot be listed to its end.
    """
    items: dict[str, Item] = {}
    for origin in origins:
        try:
            for item in origin.items():
                items.setdefault(item.uri, item)
        except OSError as error:
            raise StorageError(
                f"{error.filename or origin.prefix!r} cannot be used: {error.strerror}.",
                hint="Check that it is still there, its permissions, and the free space of RAGKIT_HOME.",
            ) from error
    return list(items.values())


def readable(path: str) -> str:
    """A path as text, also where its bytes are not valid UTF-8."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def _expand(pattern: str) -> list[Path]:
    return [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 (absolute ones too)


def _root(path: Path) -> Root:
    uri = "file://" + readable(path.as_posix())
    return Root(path=path, prefix=uri.rstrip("/") + "/" if path.is_dir() else uri)


def _with_sidecar(item: Item, sidecar: Path) -> Item:
    try:
        return replace(item, metadata=read_sidecar(sidecar.name, sidecar.read_bytes()))
    except OSError as error:
        broken: RagkitError = InputError(f"The sidecar {sidecar.name!r} cannot be read: {error.strerror}.")
    except RagkitError as error:
        broken = error
    return replace(item, fetch=failing(broken))


def missing(folder: Path) -> InputError:
    """An unmounted share must not look like an empty one."""
    return InputError(f"The folder {str(folder)!r} is not there.", hint="Check that the disk or share is mounted.")


def failing(error: RagkitError) -> Callable[[], object]:
    """A `fetch` that says why a file cannot be had."""

    def fetch() -> object:
        raise error

    return fetch


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself, or to where this user may not look: reading it says so
        return True


def _entries(folder: str, *, root: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        if not root:  # removed since its parent was read
            return []
        raise
    except OSError as error:
        raise StorageError(
            f"The folder {folder!r} cannot be read: {error.strerror}.",
            hint="Check its permissions, or leave it out with `exclude` in the pipeline file.",
        ) from error
