"""Hybrid search beside that of LangChain, LlamaIndex and Haystack as their tutorials have it, with the same embedding
model, on test collections in BEIR's format.

python -m benchmarks.fused --data DIR [--sets mtrag_un …] [--home DIR] [--peers-venv DIR]

With `--home` what ragkit ingested and what the others found is kept, and so are the results of sets that are not named.
LangChain's EnsembleRetriever, LlamaIndex's QueryFusionRetriever and Haystack's DocumentJoiner fuse by reciprocal rank.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS, environment, model_folders, opened, record
from benchmarks.peers import CACHE, OFFLINE, SIDES, ready
from ragkit.app import Ragkit
from ragkit.evaluate.dataset import read_dataset
from ragkit.evaluate.measures import ranking_measures
from ragkit.evaluate.significance import paired

SETS = ("mtrag_un", "xquad/en", "pydocs_faq", "scifact", "squad2")
PEERS = {"LangChain": "langchain", "LlamaIndex": "llamaindex", "Haystack": "haystack"}
MEASURE = "nDCG@10"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--sets", nargs="+", default=SETS, help="folders below it")
    parser.add_argument("--home", type=Path, help="a RAGKIT_HOME that stays")
    parser.add_argument("--peers-venv", type=Path, default=CACHE, help="made on the first run (2 GB)")
    given = parser.parse_args()
    python = ready(given.peers_venv)
    earlier = RESULTS / "fused.json"
    results = json.loads(earlier.read_text("utf-8"))["results"] if given.home and earlier.is_file() else {}
    with tempfile.TemporaryDirectory() as scratch, opened(given.home) as kit:
        for name in given.sets:
            kept = (given.home or Path(scratch)) / "peers" / name
            results[name] = compare(kit, given.data / name, python, Path(scratch), kept)
            record("fused", parameters={"measure": MEASURE}, results=results)


def compare(kit: Ragkit, folder: Path, python: Path, scratch: Path, kept: Path) -> dict[str, Any]:
    """Each side's measures, and ours less each peer's, paired; what a peer found is kept in a folder."""
    dataset = read_dataset(folder)
    run = kit.evaluate.retrieval(folder)
    ours = kit.evaluate.per_question(run.id).values["hybrid"][MEASURE]
    found: dict[str, Any] = {"questions": len(dataset.queries), "ragkit": run.measures["hybrid"]}
    asked = scratch / "asked"
    asked.mkdir(exist_ok=True)
    (asked / "corpus.jsonl").write_bytes((folder / "corpus.jsonl").read_bytes())
    rows = [{"_id": key, "text": text} for key, text in dataset.queries.items()]
    (asked / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    kept.mkdir(parents=True, exist_ok=True)
    for peer, framework in PEERS.items():
        rankings = kept / f"{framework}.json"
        if not rankings.is_file():
            command = [python, SIDES / "fused.py", framework, model_folders()["torch"], asked]
            env = environment(scratch) | OFFLINE
            output = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=env, check=True).stdout
            rankings.write_text(output.splitlines()[-1], "utf-8")
        measured = ranking_measures(dataset.qrels, json.loads(rankings.read_text("utf-8")))
        theirs = [measured[MEASURE][key] for key in dataset.queries]
        found[peer] = {name: round(sum(column.values()) / len(column), 4) for name, column in measured.items()}
        found[f"ragkit less {peer}"] = asdict(paired(theirs, [value or 0.0 for value in ours]))
    return found


if __name__ == "__main__":
    main()
