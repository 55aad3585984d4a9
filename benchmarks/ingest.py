"""What ingestion costs over embedding alone: a folder through `ragkit ingest`, then its chunks through plain
SentenceTransformer.encode at the same precision, one after the other in the same run.

python -m benchmarks.ingest --data data/corpus
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import BIN, environment, folder, measure, record, spread

ENCODE = """
import json, sys, time
import torch
from sentence_transformers import SentenceTransformer
model_path, texts_path, precision = sys.argv[1:]
texts = json.load(open(texts_path))
started = time.perf_counter()
model = SentenceTransformer(model_path, device="cpu", model_kwargs={"dtype": getattr(torch, precision)})
loaded = time.perf_counter()
model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
print(json.dumps({"load": loaded - started, "encode": time.perf_counter() - loaded}))
"""


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder to ingest")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--precision", default="bfloat16", choices=["bfloat16", "float32"], help="of the comparison")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        runs = [_ingest(arguments.data.resolve(), scratch / f"home-{run}") for run in range(arguments.runs)]
        texts = _embedded_inputs(scratch / "home-0")
        plain = [_encode(texts, scratch, arguments.precision) for _ in range(arguments.runs)]
        again = _ingest(arguments.data.resolve(), scratch / "home-0")
    seconds = spread([run["seconds"] for run in runs])
    encode = spread([run["encode"] for run in plain])
    record(
        "ingest",
        parameters={"data": folder(arguments.data), "precision": arguments.precision, "distinct_texts": len(texts)},
        results={
            "ragkit ingest": {
                "seconds": seconds,
                "chunks": runs[0]["report"]["chunks"],
                "embedded": runs[0]["report"]["embedded"],
                "embedded_per_s": round(runs[0]["report"]["embedded"] / seconds["median"], 1),
                "peak_mb": max(run["peak_mb"] for run in runs),
            },
            "the same again, nothing changed": {"seconds": round(again["seconds"], 3), "report": again["report"]},
            "SentenceTransformer.encode": {
                "seconds": encode,
                "seconds_to_load": spread([run["load"] for run in plain]),
                "embedded_per_s": round(len(texts) / encode["median"], 1),
                "peak_mb": max(run["peak_mb"] for run in plain),
            },
        },
    )


def _ingest(data: Path, home: Path) -> dict[str, Any]:
    home.mkdir(exist_ok=True)
    if not (home / "models").exists():
        # A conversion happens once in the life of an installation: keep it out of the time of a run.
        _warm(home)
    measured = measure([BIN / "ragkit", "ingest", data, "--json"], env=environment(home))
    return {"seconds": measured.seconds, "peak_mb": measured.peak_mb, "report": json.loads(measured.stdout)}


def _warm(home: Path) -> None:
    """Convert the embedding model for this processor."""
    from ragkit.models.embed import open_embedder
    from ragkit.settings import load

    open_embedder(load(home=home).embedder, home=home).embed_query("warm")


def _embedded_inputs(home: Path) -> list[str]:
    """What the run embedded: each distinct input once."""
    from ragkit import Ragkit
    from ragkit.ingest.chunking import embedded_input
    from ragkit.settings import load

    texts: dict[str, None] = {}
    with Ragkit.open(load(home=home)) as kit:
        for document in kit.documents.list():
            for chunk in kit.documents.get(document.id, chunks=True).chunks:
                texts[embedded_input(title=document.title, heading=chunk.heading, text=chunk.text)] = None
    return list(texts)


def _encode(texts: list[str], scratch: Path, precision: str) -> dict[str, Any]:
    from ragkit.models.folder import find
    from ragkit.settings import load

    file = scratch / "texts.json"
    file.write_text(json.dumps(texts))
    model = find(load(home=scratch).embedder, home=scratch)
    measured = measure([sys.executable, "-c", ENCODE, model.path, file, precision], env=environment(scratch))
    return {**json.loads(measured.stdout), "peak_mb": measured.peak_mb}


if __name__ == "__main__":
    main()
