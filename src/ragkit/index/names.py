"""What a collection may be called."""

from __future__ import annotations

from ragkit.errors import InputError

__all__ = ["check_name"]

MAX_CHARS = 100


def check_name(name: str) -> None:
    """Refuse a collection name that would not survive a URL, a shell or a file name."""
    if not name or len(name) > MAX_CHARS or not all(c.isalnum() or c in "-_." for c in name) or name[0] in "-.":
        raise InputError(
            f"{name!r} cannot be the name of a collection.",
            hint=f"Use letters, digits, '-', '_' and '.', at most {MAX_CHARS}, such as 'handbook-2026'.",
        )
