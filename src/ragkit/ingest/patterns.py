"""Which files below a source are wanted, by patterns as in a `.gitignore`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pathspec import PathSpec, Pattern

__all__ = ["HIDDEN", "Patterns"]

HIDDEN = (".", "~$")
"""What the names of hidden files and of editors' lock files begin with; they are passed over."""


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """What to take.

    Attributes:
        include: A file must match one of these.
        exclude: Files and folders to leave out.
        glob: A pattern that a file must match as well, from the root.
    """

    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    glob: str | None = None

    @cached_property
    def everything(self) -> bool:
        """Whether nothing is left out, so that no file needs to be compared."""
        return not (self._included or self._excluded)

    def admits(self, below: str) -> bool:
        """Whether a file is wanted, by its path from the root."""
        return self.enters(below) and all(spec.match_file(below) for spec in self._included)

    def enters(self, below: str) -> bool:
        """Whether a folder, its path ending in `/`, may hold something that is wanted."""
        return self._excluded is None or not self._excluded.match_file(below)

    @cached_property
    def _included(self) -> list[PathSpec[Pattern]]:
        wanted = [self.include] if self.include != ("**",) else []
        if self.glob:
            wanted.append(("/" + self.glob,))
        return [_spec(patterns) for patterns in wanted]

    @cached_property
    def _excluded(self) -> PathSpec[Pattern] | None:
        return _spec(self.exclude) if self.exclude else None


def _spec(patterns: Sequence[str]) -> PathSpec[Pattern]:
    return PathSpec.from_lines("gitignore", patterns)
