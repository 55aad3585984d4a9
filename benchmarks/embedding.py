"""The backends that could embed: texts a second, and whether what they make is as good (nDCG@10 on SciFact).

python -m benchmarks.embedding --scifact DIR [--abstracts N]
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import bf16, environment, measure, model_folders, new_home, record, spread
from benchmarks.peers import ready

SIDE = Path(__file__).parent / "sides" / "embed.py"
EXPORT = """
import sys, shutil, warnings
warnings.simplefilter("ignore")
import torch
from sentence_transformers import SentenceTransformer
source, target = sys.argv[1:]
model = SentenceTransformer(source, device="cpu")
class Pooled(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def forward(self, input_ids, attention_mask):
        states = self.inner(input_ids=input_ids, attention_mask=attention_mask)[0]
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
names = ["input_ids", "attention_mask"]
example = tuple(torch.ones(2, 8, dtype=torch.long) for _ in names)
torch.onnx.export(Pooled(model[0].auto_model).eval(), example, target + "/model.onnx", input_names=names,
    output_names=["vectors"], dynamic_axes={name: {0: "texts", 1: "tokens"} for name in names}, dynamo=False)
shutil.copyfile(source + "/tokenizer.json", target + "/tokenizer.json")
"""
SAME = 0.003  # of nDCG@10


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scifact", type=Path, required=True, help="a folder in BEIR's format")
    parser.add_argument("--abstracts", type=int, help="the first ones only; quality then says nothing")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--peers-venv", type=Path, help="of benchmarks.peers; it exports the graph for onnxruntime")
    given = parser.parse_args()
    corpus = _rows(given.scifact / "corpus.jsonl")[: given.abstracts]
    judged = judgements(given.scifact / "qrels" / "test.tsv")
    queries = {row["_id"]: row["text"] for row in _rows(given.scifact / "queries.jsonl") if row["_id"] in judged}
    abstracts = {row["_id"]: f"{row['title']} {row['text']}" for row in corpus}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        home = new_home(scratch / "home")
        table: dict[str, Any] = {}
        for backend, precision in candidates():
            model = {**model_folders(), "onnx": scratch}[backend]
            if backend == "onnx" and (problem := _export(given.peers_venv, scratch)):
                table["onnx"] = {"not_measured": problem}
                continue
            sides = {"documents": list(abstracts.values()), "queries": list(queries.values())}
            table[f"{backend} {precision}"] = _measured(backend, precision, model, sides, scratch, home, given.runs) | {
                "ndcg@10": _quality(scratch, list(abstracts), list(queries), judged)
            }
        default = _default(home)
    results = {"table": table, "default": default, "fastest": fastest(table)}
    record("embedding", parameters={"abstracts": len(abstracts), "queries": len(queries)}, results=results)


def candidates() -> list[tuple[str, str]]:
    """(backend, precision) pairs that this processor can run."""
    precisions = ["f32", "bf16"] if bf16() else ["f32"]
    return [(backend, precision) for backend in ("torch", "openvino") for precision in precisions] + [("onnx", "f32")]


def fastest(table: Mapping[str, Any]) -> str:
    """The fastest backend among those that retrieve as well as the reference, torch in fp32."""
    floor = table["torch f32"]["ndcg@10"] - SAME
    good = {name: row for name, row in table.items() if row.get("ndcg@10", 0.0) >= floor}
    return max(good, key=lambda name: good[name]["texts_per_s"]["median"])


def ndcg(ranked: Sequence[str], relevant: Mapping[str, int], *, k: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), as trec_eval computes it."""
    gained = sum(relevant.get(key, 0) / math.log2(rank + 2) for rank, key in enumerate(ranked[:k]))
    ideal = sorted(relevant.values(), reverse=True)[:k]
    return gained / sum(grade / math.log2(rank + 2) for rank, grade in enumerate(ideal))


def judgements(file: Path) -> dict[str, dict[str, int]]:
    """Grades by query and document."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            found[row["query-id"]][row["corpus-id"]] = int(row["score"])
    return dict(found)


def _measured(
    backend: str, precision: str, model: Path, sides: Mapping[str, list[str]], scratch: Path, home: Path, runs: int
) -> dict[str, Any]:
    rates: dict[str, list[float]] = defaultdict(list)
    peak = 0.0
    for side, texts in sides.items():
        source = scratch / f"{side}.json"
        source.write_text(json.dumps(texts), encoding="utf-8")
        for _ in range(runs if side == "documents" else 1):
            command = [sys.executable, SIDE, backend, precision, model, source, scratch / f"{side}.npy"]
            measured = measure(command, env=environment(home))
            rates[side].append(len(texts) / json.loads(measured.stdout.splitlines()[-1])["seconds"])
            peak = max(peak, measured.peak_mb)
    return {"texts_per_s": spread(rates["documents"]), "peak_mb": peak}


def _quality(
    scratch: Path, ids: Sequence[str], queries: Sequence[str], judged: Mapping[str, Mapping[str, int]]
) -> float:
    documents, asked = np.load(scratch / "documents.npy"), np.load(scratch / "queries.npy")
    best = np.argsort(-(asked @ documents.T), axis=1, kind="stable")[:, :10]
    scores = [ndcg([ids[row] for row in rows], judged[query]) for query, rows in zip(queries, best, strict=True)]
    return round(sum(scores) / len(scores), 4)


def _export(venv: Path | None, target: Path) -> str | None:
    """Write the graph for onnxruntime; why not, where it cannot be written."""
    if venv is None:
        return "The export needs the package 'onnx', which --peers-venv has."
    command = [ready(venv), "-c", EXPORT, str(model_folders()["torch"]), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def _default(home: Path) -> str:
    """What `RAGKIT_EMBEDDER_BACKEND=auto` runs here."""
    from ragkit.models.embed import open_embedder
    from ragkit.settings import load

    embedder = open_embedder(load(home=home).embedder, home=home)
    return f"{type(embedder).__name__.removesuffix('Embedder').lower()} {getattr(embedder, 'precision', '')}".strip()


def _rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
