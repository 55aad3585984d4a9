"""Files inside a file: safe names for them, and what they may expand to."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import IO

from ragkit.errors import TooLarge
from ragkit.ingest.parsers.limits import Limits
from ragkit.parsed import Attachment

__all__ = ["Budget", "Contained", "Metered"]

_BLOCK = 1 << 20
_RATIO_FROM = 10_000_000
"""Smaller files compress as well as they like."""
_DRIVE = re.compile(r"^[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_TEXT = re.compile("[\udc80-\udcff]")
"""Bytes of a name that are not UTF-8, as Python keeps them."""
_PASSED_OVER = re.compile(r"^(?:\..*|~\$.*|__MACOSX|Thumbs\.db|desktop\.ini)$", re.IGNORECASE)
_MAX_NAME = 200
_MAX_WARNINGS = 50


class Contained:
    """Collects the members of one container under names that are safe and differ from one another."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._warnings: list[str] = []

    def add(self, name: str, data: bytes) -> None:
        """Keep a member; hidden files and what file managers leave behind are passed over, as in a folder."""
        safe = self._safe(name)
        if safe and not any(map(_PASSED_OVER.match, PurePosixPath(safe).parts)):
            self._files[self._unique(safe)] = data

    def warn(self, warning: str) -> None:
        self._warnings.append(warning)

    def warnings(self) -> tuple[str, ...]:
        """The first ones, and how many more there are."""
        more = len(self._warnings) - _MAX_WARNINGS
        return (*self._warnings[:_MAX_WARNINGS], *([f"and {more} more like these"] if more > 0 else []))

    def attachments(self) -> tuple[Attachment, ...]:
        """In the order in which they came."""
        return tuple(Attachment(name=name, data=data) for name, data in self._files.items())

    def _safe(self, name: str) -> str:
        """Relative and without drive; empty, with a warning, where the name leads out of the container."""
        name = _NO_TEXT.sub(lambda byte: f"%{ord(byte.group()) - 0xDC00:02X}", name)
        parts = [part.strip() for part in _DRIVE.sub("", name.replace("\\", "/")).split("/")]
        parts = [_CONTROL.sub("", part)[-_MAX_NAME:] for part in parts if part not in ("", ".")]
        if ".." in parts:
            self.warn(f"{name!r} leads out of the archive and was left out")
            return ""
        return "/".join(parts)

    def _unique(self, name: str) -> str:
        path, number = PurePosixPath(name), 1
        while name in self._files:
            number += 1
            name = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        return name


class Budget:
    """What one container may still expand to.

    Args:
        limits: Most members, most bytes in all, highest compression ratio.
        name: Of the container, for the error.
    """

    def __init__(self, limits: Limits, name: str) -> None:
        self._limits = limits
        self._name = name
        self._members = 0
        self._left = limits.max_expanded_mb * 1_000_000

    def member(self) -> None:
        """Count one more.

        Raises:
            TooLarge: It is one too many.
        """
        self._members += 1
        if self._members > self._limits.max_members:
            raise TooLarge(
                f"{self._name!r} holds more than {self._limits.max_members} files (RAGKIT_MAX_MEMBERS).",
                hint="Unpack it, or exclude it in the pipeline.",
            )

    def spend(self, size: int) -> None:
        """Count expanded bytes.

        Raises:
            TooLarge: There are too many.
        """
        self._left -= size
        if self._left < 0:
            raise TooLarge(
                f"{self._name!r} expands to more than {self._limits.max_expanded_mb} MB (RAGKIT_MAX_EXPANDED_MB).",
                hint="Unpack it, or exclude it in the pipeline.",
            )

    def check_ratio(self, expanded: int, compressed: int) -> None:
        """Refuse what is far smaller compressed than any text is.

        Raises:
            TooLarge: It is.
        """
        if expanded >= _RATIO_FROM and expanded > compressed * self._limits.max_ratio:
            raise TooLarge(
                f"{self._name!r} expands more than {self._limits.max_ratio} times, like a bomb (RAGKIT_MAX_RATIO).",
                hint="Unpack it, or exclude it in the pipeline.",
            )


class Metered:
    """A decompressing file that is read within a budget.

    Args:
        file: What decompresses.
        budget: Pays for every byte.
        compressed: Size of what is decompressed.
    """

    def __init__(self, file: IO[bytes], budget: Budget, *, compressed: int) -> None:
        self._file = file
        self._budget = budget
        self._compressed = compressed
        self._expanded = 0

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all that is left without one."""
        blocks = []
        while size:
            block = self._file.read(min(_BLOCK, size) if size > 0 else _BLOCK)
            if not block:
                break
            self._expanded += len(block)
            self._budget.spend(len(block))
            self._budget.check_ratio(self._expanded, self._compressed)
            blocks.append(block)
            size -= len(block) if size > 0 else 0
        return b"".join(blocks)
