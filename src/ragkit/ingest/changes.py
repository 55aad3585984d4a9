"""What has changed: each file that was found, against what the catalog knows of it, before anything is parsed.

Unchanged is decided by the hash of the bytes and the processing fingerprint: parser, chunker, the rest of the profile.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ragkit.errors import ParseFailed, TooLarge
from ragkit.index.ledger import Finding, Known
from ragkit.ingest.parsers import PARSER_NAMES, parser_for
from ragkit.ingest.prune import covers
from ragkit.ingest.quality import QualityPolicy
from ragkit.ingest.report import Outcome
from ragkit.ingest.sources import INSIDE, Item
from ragkit.protocols import Chunker, Source

__all__ = ["FORESEEN", "Change", "Changes", "Found", "Profile"]

Kind = Literal["unchanged", "moved", "held", "new", "changed"]

FORESEEN: Mapping[Kind, Outcome] = {
    "unchanged": "unchanged",
    "moved": "moved",
    "held": "quarantined",
    "new": "added",
    "changed": "updated",
}
"""How a file will be counted, unless something goes wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the files of a run are processed."""

    chunker: Chunker
    filters: QualityPolicy = field(default_factory=QualityPolicy)

    def fingerprint(self, parser: str, found: Found) -> str:
        """What equal bytes are processed the same way under; what is not the default is in it as a hash."""
        rest = [*sorted(found.options.items()), *sorted(found.metadata.items())]
        if self.filters != QualityPolicy():
            rest.append(("filters", self.filters.model_dump_json()))
        special = f" {hashlib.sha256(repr(rest).encode()).hexdigest()[:12]}" if rest else ""
        return f"{parser} {self.chunker.name}{special}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file at its source, or inside another file."""

    uri: str
    name: str
    content: Path | bytes
    options: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    access: tuple[str, ...] = ()
    parent_id: str | None = None
    sha256: str | None = None
    """Of the bytes, where the source knows it without handing them out."""
    fetch: Callable[[], object] | None = None
    """Brings the bytes to their path, or raises a `RagkitError`; none: they are there."""

    @classmethod
    def of(cls, item: Item) -> Found:
        return cls(
            uri=item.uri,
            name=item.name,
            content=item.path,
            options=item.options,
            metadata=item.metadata,
            access=item.access,
            sha256=item.sha256,
            fetch=item.fetch,
        )

    def inside(self, name: str, data: bytes, parent_id: str) -> Found:
        """What an archive or e-mail contains."""
        return Found(
            uri=f"{self.uri}{INSIDE}{name}",
            name=name.rpartition("/")[2],
            content=data,
            options=self.options,
            access=self.access,
            parent_id=parent_id,
        )

    def finding(self) -> Finding:
        """As the ledger records it."""
        return Finding(uri=self.uri, parent_id=self.parent_id, access=self.access)

    @property
    def depth(self) -> int:
        return self.uri.count(INSIDE)

    def read(self, max_bytes: int) -> bytes:
        """The bytes.

        Raises:
            TooLarge: There are more than `max_bytes`.
            ParseFailed: They cannot be read.
        """
        if isinstance(self.content, bytes):
            return self.content
        if self.fetch is not None:
            self.fetch()
        try:
            if (size := self.content.stat().st_size) > max_bytes:
                raise TooLarge(
                    f"{self.name!r} has {size / 1e6:,.0f} MB; the limit is {max_bytes / 1e6:,.0f} MB "
                    "(RAGKIT_MAX_FILE_MB)."
                )
            return self.content.read_bytes()
        except OSError as error:
            raise ParseFailed(f"{self.name!r} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a file stands to what the catalog knows."""

    kind: Kind
    found: Found
    known: Known | None
    """None for a new one that has not been recorded yet."""
    sha256: str
    fingerprint: str
    parser: str


class Changes:
    """Compares the files of one run with the catalog as it was when the run began.

    Args:
        known: What the catalog has, by uri.
        profile: How files are processed.
        roots: What the run looks at: a known document below them whose file was not found has gone or moved.
        found: The uris of what was found.
        max_bytes: Larger files are refused.
    """

    def __init__(
        self, known: Mapping[str, Known], *, profile: Profile, roots: Sequence[str], found: set[str], max_bytes: int
    ) -> None:
        self._known = known
        self._profile = profile
        self._max_bytes = max_bytes
        self._unfinished = {k.parent_id for k in known.values() if k.parent_id and k.state not in _SETTLED}
        self._gone: dict[tuple[str, str], list[Known]] = defaultdict(list)
        for uri, there in known.items():
            if there.sha256 and there.fingerprint and not there.parent_id and uri not in found and covers(roots, uri):
                self._gone[there.sha256, there.fingerprint].append(there)

    def of(self, found: Found) -> Change:
        """Read a file and decide.

        Raises:
            TooLarge: It is over the limit.
            ParseFailed: It cannot be read.
            UnsupportedFormat: No parser reads this kind of file.
        """
        known = self._known.get(found.uri)
        if known and known.fingerprint and found.sha256 and found.sha256 == known.sha256:
            parser = known.fingerprint.partition(" ")[0]
            if parser in PARSER_NAMES and known.fingerprint == self._profile.fingerprint(parser, found):
                change = self._change(found, known, found.sha256, parser)
                if change.kind != "changed":  # else something in it is not settled, and its bytes are needed
                    return change
        data = found.read(self._max_bytes)
        parser = parser_for(Source(name=found.name, data=data, options=found.options)).name
        return self._change(found, known, hashlib.sha256(data).hexdigest(), parser)

    def _change(self, found: Found, known: Known | None, sha256: str, parser: str) -> Change:
        fingerprint = self._profile.fingerprint(parser, found)
        kind = self._kind(known, sha256, fingerprint)
        if known is None and not found.parent_id and (moved := self._gone.get((sha256, fingerprint))):
            kind, known = "moved", moved.pop()
        return Change(kind=kind, found=found, known=known, sha256=sha256, fingerprint=fingerprint, parser=parser)

    def _kind(self, known: Known | None, sha256: str, fingerprint: str) -> Kind:
        if known is None:
            return "new"
        if known.released_sha256 != sha256 and known.held == (sha256, fingerprint):
            return "held"
        if (known.sha256, known.fingerprint) != (sha256, fingerprint):
            return "changed" if known.sha256 else "new"
        return "changed" if known.document_id in self._unfinished else "unchanged"


_SETTLED = frozenset({"live", "quarantined"})
