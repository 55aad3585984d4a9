"""Documents of made-up chunks in a real catalog, without a parser or a model."""

from __future__ import annotations

import numpy as np

from ragkit.index.generations import Generation
from ragkit.index.ledger import Attempt, Finding, Ledger
from ragkit.index.versions import NewChunk, NewVersion, Versions
from ragkit.parsed import Parsed
from ragkit.protocols import EmbedderSpec
from ragkit.store.engine import Database
from ragkit.types import Chunk

__all__ = ["SPEC", "write"]

SPEC = EmbedderSpec(id="test", dimension=8, max_tokens=9)


def write(
    database: Database, generation: Generation, uris: list[str], edition: int, *, key: bytes | None = None
) -> None:
    """Let a new version of each document go live, of two chunks; their vectors have one key where it is given."""
    ledger = Ledger(database)
    known = ledger.find(generation, [Finding(uri=uri, access=("a",) if int(uri[2:]) % 2 else ("b",)) for uri in uris])
    batch = []
    for uri in uris:
        chunks = []
        for ordinal in range(2):
            said = f"{uri} {edition} {ordinal}"
            vector = np.random.default_rng(len(said) + sum(said.encode())).normal(size=8)
            chunk = Chunk(chunk_id=f"chk_{said}", start=ordinal, end=ordinal + 1, page=None, heading="", text=said)
            unit = (vector / np.linalg.norm(vector)).astype(np.float32)
            chunks.append(NewChunk(chunk=chunk, vector_key=key or said.ljust(16)[:16].encode(), vector=unit))
        batch.append(
            NewVersion(
                known=known[uri],
                attempt=Attempt(document_id=known[uri].document_id),
                sha256=f"{uri} {edition}".ljust(64),
                size=1,
                fingerprint="p c",
                parsed=Parsed(text=uri, title=uri, media_type="text/plain"),
                chunks=tuple(chunks),
            )
        )
    ledger.begin([version.attempt for version in batch])
    Versions(database).go_live(generation, batch)
