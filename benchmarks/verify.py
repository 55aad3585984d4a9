"""`ragkit verify` on many chunks: when all is well, when a hundredth of both indexes is lost, and mending that.

The chunks are short (32 tokens), so that making them takes minutes; how many there are is what counts here.

python -m benchmarks.verify [--chunks 100000]
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.corpora import write_documents
from benchmarks.harness import BIN, environment, measure, new_home, record

SENTENCES = 100  # a document; each is about a chunk of its own
CHUNK_TOKENS = "32"
LOST = 100  # one in this many


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=100_000, help="about this many")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        home = new_home(scratch / "home")
        write_documents(scratch / "files", math.ceil(given.chunks / SENTENCES), length=SENTENCES, seed=given.seed)
        ingested = _ragkit(home, "ingest", scratch / "files")
        results = {"chunks": ingested["chunks"], "ingest_seconds": ingested["seconds"], "consistent": _verify(home)}
        _lose(home)
        results["damaged"] = _verify(home)
        results["repaired"] = _verify(home, "--repair")
        results["afterwards"] = _verify(home)
    expected = [results[key]["consistent"] for key in ("consistent", "damaged", "repaired", "afterwards")]
    if expected != [True, False, True, True]:
        raise SystemExit(f"Verify did not find or mend what was lost: {results}")
    record("verify", parameters={"chunks": given.chunks, "seed": given.seed}, results=results)


def _verify(home: Path, *options: str) -> dict[str, Any]:
    command = [BIN / "ragkit", "verify", *options, "--json"]
    measured = measure(command, env=environment(home), may_fail=True)
    report = json.loads(measured.stdout)
    return {
        "seconds": round(measured.seconds, 2),
        "peak_mb": measured.peak_mb,
        "consistent": report["consistent"],
        "differences": len(report["differences"]),
        "repaired": report["repaired"],
    }


def _ragkit(home: Path, *arguments: str | Path) -> dict[str, Any]:
    env = environment(home) | {"RAGKIT_CHUNK_TOKENS": CHUNK_TOKENS}
    report: dict[str, Any] = json.loads(measure([BIN / "ragkit", *arguments, "--json"], env=env).stdout)
    return report


def _lose(home: Path) -> None:
    """Take every hundredth chunk out of Chroma, and every hundredth other one out of the keywords."""
    from ragkit.index.catalog import Catalog
    from ragkit.index.generations import Collections
    from ragkit.index.keywords import TantivyIndex
    from ragkit.index.vectors import ChromaVectors, connect
    from ragkit.store.engine import Database

    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database, closing(connect(home)) as connection:
        generation = Collections(database).get("default")
        catalog = Catalog(database)
        ids = sorted(catalog.live_chunks(generation))
        refill = partial(catalog.live_vectors, generation)
        ChromaVectors(connection, generation.store, generation.spec.dimension, refill).delete(ids[::LOST])
        TantivyIndex(home / "keywords" / generation.store).update(add=(), delete=ids[1::LOST])


if __name__ == "__main__":
    main()
