"""Which documents a run with `--prune` removes, and when so many are gone that it asks first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ragkit.errors import Conflict

__all__ = ["MOST", "check", "covers", "vanished"]

MOST = 5
"""One document in so many may vanish at once: an unmounted share or a wrong pattern takes more."""


def vanished(known: Iterable[str], found: Collection[str], roots: Sequence[str]) -> list[str]:
    """The uris below the roots that were not found any more, in order.

    Args:
        known: The uris that the collection has.
        found: The uris that are at the source; give a set.
        roots: What was looked at: a folder's uri ends with `/` and covers all below it, any other uri only itself.
    """
    return sorted(uri for uri in known if uri not in found and covers(roots, uri))


def covers(roots: Sequence[str], uri: str) -> bool:
    """Whether the uri is one of the roots or below one."""
    return any(uri.startswith(root) if root.endswith("/") else uri == root for root in roots)


def check(gone: int, known: int, *, force: bool) -> None:
    """Refuse to remove more than a fifth of the documents.

    Args:
        gone: How many have vanished.
        known: How many the collection has below the roots.
        force: Whether the operator has said that it is right.

    Raises:
        Conflict: Too many have vanished.
    """
    if gone * MOST > known and not force:
        raise Conflict(
            f"{gone:,} of the {known:,} documents below the source have vanished, more than one in {MOST}: "
            "nothing was removed.",
            hint="Check that the disk or share is mounted and complete; if it is, run it again with --force.",
        )
