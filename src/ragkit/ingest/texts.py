"""Documents that a program hands over as text, as a source like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ragkit.ingest.sources import Item

__all__ = ["GivenText", "Texts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenText:
    """A document."""

    uri: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """An origin over texts; one that has not changed is never written to disk.

    Attributes:
        prefix: What every uri begins with.
        texts: The documents.
        scratch: A folder for the length of the run.
        suffix: Says which parser reads them.
    """

    prefix: str
    texts: Sequence[GivenText]
    scratch: Path
    suffix: str = ".txt"

    def items(self) -> Iterator[Item]:
        """One file a text."""
        for number, given in enumerate(self.texts):
            # A title alone is something to be found too.
            data = (given.text if given.text.strip() else given.title).encode("utf-8", "replace")
            path = self.scratch / f"{number}{self.suffix}"
            yield Item(
                uri=given.uri,
                path=path,
                name=path.name,
                metadata={"title": given.title} if given.title.strip() else {},
                sha256=hashlib.sha256(data).hexdigest(),
                fetch=partial(path.write_bytes, data),
            )
