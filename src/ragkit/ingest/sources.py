"""Where documents come from: files, folders and globs, each with the uri that identifies it in its collection.

A folder is walked without following links to folders, so that a loop of links cannot hang a run; hidden files and
editors' lock files are passed over.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import PathSpec

from ragkit.errors import InputError, StorageError

__all__ = ["Item", "Root", "discover", "roots_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file to ingest."""

    uri: str
    path: Path
    name: str
    """The name that the parser is chosen by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A file or folder to ingest from.

    Attributes:
        path: Where it is.
        prefix: What every uri below it begins with; `--prune` acts on these only.
        include: Patterns as in a `.gitignore`, over the path below the root; a file must match one of them.
        exclude: Patterns of files to leave out.
    """

    path: Path
    prefix: str
    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()


def roots_of(paths: Sequence[str]) -> list[Root]:
    """Read paths and globs from a command line.

    Raises:
        InputError: A path does not exist, or a glob matches nothing.
    """
    roots = []
    for given in paths:
        found = [Path(given)] if Path(given).exists() else _expand(given)
        if not found:
            raise InputError(f"There is no file or folder {given!r}.", hint=f"Looked from {str(Path.cwd())!r}.")
        roots += [_root(path.resolve()) for path in found]
    return roots


def discover(roots: Sequence[Root]) -> list[Item]:
    """Every file below the roots, once, in a stable order.

    Raises:
        InputError: A root is missing: an unmounted share must not look like an empty one.
    """
    items: dict[str, Item] = {}
    for root in roots:
        if not root.path.exists():
            raise InputError(
                f"The folder {str(root.path)!r} is not there.", hint="Check that the disk or share is mounted."
            )
        include = PathSpec.from_lines("gitignore", root.include)
        exclude = PathSpec.from_lines("gitignore", root.exclude)
        for path, below in _walk(root.path):
            if not below or (include.match_file(below) and not exclude.match_file(below)):
                uri = root.prefix + readable(below)
                items.setdefault(uri, Item(uri=uri, path=path, name=path.name))
    return list(items.values())


def readable(path: str) -> str:
    """A path as text, also where its bytes are not valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _expand(pattern: str) -> list[Path]:
    return [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 (absolute ones too)


def _root(path: Path) -> Root:
    uri = "file://" + readable(path.as_posix())
    return Root(path=path, prefix=uri.rstrip("/") + "/" if path.is_dir() else uri)


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Files with their posix path below the root; a root that is a file has the empty path."""
    if not root.is_dir():
        yield root, ""
        return
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise StorageError(
                f"The folder {str(folder)!r} cannot be read: {error.strerror}.",
                hint="Check its permissions, or leave it out with `exclude` in the pipeline file.",
            ) from error
        subfolders = []
        for entry in entries:
            if entry.name.startswith((".", "~$")):
                continue
            if entry.is_dir(follow_symlinks=False):
                subfolders.append(Path(entry.path))
            elif entry.is_file():
                path = Path(entry.path)
                yield path, path.relative_to(root).as_posix()
        waiting += reversed(subfolders)
