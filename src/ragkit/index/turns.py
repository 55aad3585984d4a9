"""Who may write to the indexes of a generation: one process and thread at a time, a batch long.

What is in the indexes and not live yet would be lost to whoever makes them again from the catalog meanwhile.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from ragkit.index.generations import Generation
from ragkit.store.locks import locked

__all__ = ["turn"]

_WAIT_S = 3600.0
"""Making the indexes of a very large collection again takes minutes."""


def turn(home: Path, generation: Generation) -> AbstractContextManager[None]:
    """Hold the indexes of a generation for the length of a block.

    Raises:
        Busy: Another process held them for an hour.
    """
    folder = home / "keywords"
    folder.mkdir(parents=True, exist_ok=True)
    what = f"the indexes of {generation.collection!r}"
    return locked(folder / f"{generation.store}.turn", wait_s=_WAIT_S, what=what)
