"""What the catalog, the vectors and the keywords of a `RAGKIT_HOME` hold, in a form that two homes can be compared by.

Document and chunk ids are drawn at random, so that a passage is known here by where it stands and what it says.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ragkit.index.catalog import Catalog
    from ragkit.index.generations import Generation
    from ragkit.protocols import Matrix

__all__ = ["Contents", "Passage", "contents", "differences"]

SAME = 0.999
UNKNOWN = "an entry of no live chunk"

Passage = tuple[str, str, int, int, str]
"""uri, SHA-256 of the version, start, end, SHA-256 of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Of one collection."""

    catalog: Counter[Passage]
    keywords: Counter[Passage | str]
    vectors: dict[Passage | str, list[Matrix]]
    healed: int
    """Repairs that opening Chroma made by itself."""


def contents(home: Path, collection: str = "default") -> Contents:
    """Open the stores as a search would, and list them."""
    from ragkit.index.catalog import Catalog
    from ragkit.index.generations import Collections
    from ragkit.index.keywords import TantivyIndex
    from ragkit.store.engine import Database

    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database, _repairs() as repairs:
        catalog, generation = Catalog(database), Collections(database).get(collection)
        live = _live(catalog, generation)
        keywords = TantivyIndex(home / "keywords" / generation.store).ids()
        vectors = _vectors(home, catalog, generation)
    by_passage: dict[Passage | str, list[Matrix]] = {}
    for chunk_id, vector in vectors.items():
        by_passage.setdefault(live.get(chunk_id, UNKNOWN), []).append(vector)
    return Contents(
        catalog=Counter(live.values()),
        keywords=Counter(live.get(chunk_id, UNKNOWN) for chunk_id in keywords),
        vectors=by_passage,
        healed=len(repairs),
    )


def differences(found: Contents, expected: Contents) -> list[str]:
    """Every way in which the contents are not the expected ones; none when they are."""
    said = []
    for part in ("catalog", "keywords"):
        have: Counter[Passage | str] = Counter(getattr(found, part))
        want: Counter[Passage | str] = Counter(getattr(expected, part))
        said += [f"{part} lack {_short(passage)}" for passage in want - have]
        said += [f"{part} have {_short(passage)}" for passage in have - want]
    for passage in found.vectors.keys() | expected.vectors.keys():
        rows, wanted = found.vectors.get(passage, []), expected.vectors.get(passage, [])
        if len(rows) != len(wanted):
            said.append(f"vectors have {len(rows)} times, not {len(wanted)} times, {_short(passage)}")
        elif rows and min(float(row @ wanted[0]) for row in rows) < SAME:
            said.append(f"vectors differ for {_short(passage)}")
    return sorted(said)


def _live(catalog: Catalog, generation: Generation) -> dict[str, Passage]:
    passages = {}
    for document in catalog.documents(collection=generation.collection):
        for chunk in catalog.view(document.id, with_chunks=True).chunks:
            digest = hashlib.sha256(chunk.text.encode()).hexdigest()
            passages[chunk.chunk_id] = (document.uri, document.version or "", chunk.start, chunk.end, digest)
    return passages


def _vectors(home: Path, catalog: Catalog, generation: Generation) -> dict[str, Matrix]:
    from ragkit.index.vectors import ChromaVectors, connect

    with closing(connect(home)) as connection:
        store = ChromaVectors(
            connection,
            generation.store,
            generation.spec.dimension,
            partial(catalog.live_vectors, generation),
            expected=partial(catalog.count, generation),
        )
        if not store.count():
            return {}
        client = connection.session().client
        rows = client.get_collection(generation.store, embedding_function=None).get(include=["embeddings"])
        return dict(zip(rows["ids"], np.asarray(rows["embeddings"], np.float32), strict=True))


@contextmanager
def _repairs() -> Iterator[list[logging.LogRecord]]:
    """What is logged about damage while the block runs."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append  # type: ignore[method-assign]
    log = logging.getLogger("ragkit.index")
    log.addHandler(handler)
    try:
        yield records
    finally:
        log.removeHandler(handler)


def _short(passage: Passage | str) -> str:
    if isinstance(passage, str):
        return passage
    uri, version, start, end, _ = passage
    return f"{uri.rsplit('/', 1)[-1]} {version[:8]} {start}:{end}"
