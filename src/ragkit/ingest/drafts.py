"""Drafts: documents that are parsed, judged and chunked, and have no vectors yet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ragkit.history import FilterVerdict
from ragkit.index.duplicates import bands, signature
from ragkit.index.generations import Generation
from ragkit.index.ledger import Attempt, Known
from ragkit.index.retention import Stored
from ragkit.ingest.chunking import embedded_input
from ragkit.ingest.language import language
from ragkit.ingest.parsers import content_title
from ragkit.parsed import Parsed, Piece
from ragkit.protocols import Chunker
from ragkit.store.embeddings import vector_key
from ragkit.types import Chunk

__all__ = ["Draft", "draft_of", "enriched", "rebuilt", "restored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version of a document on its way into the index."""

    known: Known
    attempt: Attempt
    sha256: str
    size: int
    fingerprint: str
    parsed: Parsed
    chunks: tuple[Chunk, ...]
    inputs: tuple[str, ...]
    """What is embedded for each chunk."""
    vector_keys: tuple[bytes, ...]
    verdicts: tuple[FilterVerdict, ...]
    signature: bytes
    bands: tuple[bytes, ...]

    @property
    def uri(self) -> str:
        return self.known.uri


def enriched(parsed: Parsed, metadata: Mapping[str, str]) -> Parsed:
    """The document with its language, and with what its source says of it over what the file says."""
    found = {**parsed.metadata, **metadata}
    if "language" not in found and (spoken := language(parsed.text)):
        found["language"] = spoken
    return replace(parsed, metadata=found, title=metadata.get("title", parsed.title), attachments=())


def draft_of(
    parsed: Parsed,
    *,
    name: str,
    known: Known,
    attempt: Attempt,
    sha256: str,
    size: int,
    fingerprint: str,
    chunker: Chunker,
    generation: Generation,
    verdicts: tuple[FilterVerdict, ...],
) -> Draft:
    """Chunk a parsed document; chunk ids derive from the version and the place, so that a rerun writes the same."""
    pieces = chunker.split(parsed) if parsed.text else ()
    origin = f"{known.document_id} {sha256} {generation.id} {fingerprint}"
    chunks = tuple(_chunk(origin, ordinal, piece, parsed.text) for ordinal, piece in enumerate(pieces))
    inputs = _inputs(content_title(parsed, name), chunks)
    mark = signature(parsed.text)
    return Draft(
        known=known,
        attempt=attempt,
        sha256=sha256,
        size=size,
        fingerprint=fingerprint,
        parsed=parsed,
        chunks=chunks,
        inputs=inputs,
        vector_keys=tuple(vector_key(generation.spec.id, text) for text in inputs),
        verdicts=verdicts,
        signature=mark,
        bands=bands(mark),
    )


def restored(stored: Stored, *, known: Known, attempt: Attempt) -> Draft:
    """A version that was kept, on its way back; its vectors are stored under the keys that it had."""
    return Draft(
        known=known,
        attempt=attempt,
        sha256=stored.sha256,
        size=stored.size,
        fingerprint=stored.fingerprint,
        parsed=stored.parsed,
        chunks=stored.chunks,
        inputs=_inputs(_title_of(stored), stored.chunks),
        vector_keys=stored.vector_keys,
        verdicts=stored.verdicts,
        signature=stored.signature or b"",
        bands=stored.bands,
    )


def rebuilt(
    stored: Stored, *, known: Known, attempt: Attempt, generation: Generation, chunker: Chunker | None
) -> Draft:
    """A version that is kept, as another generation is to have it, from its text.

    Args:
        stored: What is kept.
        known: The document.
        attempt: This time that it is processed.
        generation: Where it goes.
        chunker: Cuts it anew; without one it keeps its passages.
    """
    parsed, fingerprint = stored.parsed, stored.fingerprint
    pieces: Sequence[Piece | Chunk] = stored.chunks
    if chunker is not None:
        parser, _, *special = fingerprint.split(" ")
        fingerprint = " ".join((parser, chunker.name, *special))
        pieces = chunker.split(parsed) if parsed.text else ()
    origin = f"{known.document_id} {stored.sha256} {generation.id} {fingerprint}"
    chunks = tuple(_chunk(origin, ordinal, piece, parsed.text) for ordinal, piece in enumerate(pieces))
    inputs = _inputs(_title_of(stored), chunks)
    return Draft(
        known=known,
        attempt=attempt,
        sha256=stored.sha256,
        size=stored.size,
        fingerprint=fingerprint,
        parsed=parsed,
        chunks=chunks,
        inputs=inputs,
        vector_keys=tuple(vector_key(generation.spec.id, text) for text in inputs),
        verdicts=stored.verdicts,
        signature=stored.signature or b"",
        bands=stored.bands,
    )


def _title_of(stored: Stored) -> str:
    """The title that was embedded: none where it was made of the file name, also of one that the file had before."""
    bare = (vector_key(stored.embedder_id, text) for text in _inputs("", stored.chunks))
    return "" if tuple(bare) == stored.vector_keys else stored.parsed.title


def _inputs(title: str, chunks: Sequence[Chunk]) -> tuple[str, ...]:
    return tuple(embedded_input(title=title, heading=chunk.heading, text=chunk.text) for chunk in chunks)


def _chunk(origin: str, ordinal: int, piece: Piece | Chunk, text: str) -> Chunk:
    digest = hashlib.sha256(f"{origin} {ordinal}".encode()).hexdigest()
    return Chunk(
        chunk_id="chk_" + digest[:24],
        start=piece.start,
        end=piece.end,
        page=piece.page,
        heading=piece.heading,
        text=text[piece.start : piece.end],
    )
