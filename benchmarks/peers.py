"""Documents a second, from files to a searchable store: ragkit beside LangChain, LlamaIndex and Haystack, each with
Chroma, its own tutorial's code and the same embedding model, one after the other in the same run.

python -m benchmarks.peers --scifact DIR --html DIR [--limit FILES] [--peers-venv DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.corpora import sample, scifact
from benchmarks.harness import REPOSITORY, bf16, environment, measure, model_folders, new_home, record, spread

SIDES = Path(__file__).parent / "sides"
PEERS = {"LangChain": "langchain_peer", "LlamaIndex": "llamaindex_peer", "Haystack": "haystack_peer"}
SHARED = ("chromadb", "sentence-transformers", "torch", "transformers")
REQUIREMENTS = Path(__file__).parent / "peers-requirements.txt"
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False"}
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ragkit-benchmarks" / "peers"


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scifact", type=Path, help="a folder with corpus.jsonl in BEIR's format")
    parser.add_argument("--html", type=Path, help="a folder of HTML files")
    parser.add_argument("--limit", type=int, default=200, help="this many HTML files, drawn at random")
    parser.add_argument("--abstracts", type=int, default=1000, help="this many abstracts, the first ones")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--peers-venv", type=Path, default=CACHE, help="made on the first run (2 GB)")
    given = parser.parse_args()
    python = ready(given.peers_venv)
    results = {}
    with tempfile.TemporaryDirectory() as name:
        for corpus, folder in _corpora(given, Path(name)).items():
            results[corpus] = compare(folder, Path(name) / f"{corpus} stores", python, runs=given.runs)
    parameters = {"abstracts": given.abstracts, "html_files": given.limit, "seed": given.seed, "bf16": bf16()}
    record("peers", parameters={**parameters, "peers": _versions(python)}, results=results)


def ready(venv: Path) -> Path:
    """The Python of the peers' environment, which is made when it is not there."""
    python = venv / "bin" / "python"
    done = venv / "installed"
    if not done.exists() or done.read_text() != REQUIREMENTS.read_text():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
        same = venv / "constraints.txt"
        same.write_text("".join(f"{line}\n" for line in lines if line.partition("==")[0] in SHARED))
        subprocess.run([python, "-m", "pip", "install", "-q", "-c", same, "-r", REQUIREMENTS], check=True)
        done.write_text(REQUIREMENTS.read_text())
    return python


def compare(folder: Path, stores: Path, python: Path, *, runs: int) -> dict[str, Any]:
    """Every side in turn, `runs` times."""
    measured: dict[str, list[dict[str, Any]]] = {"ragkit": [], **{peer: [] for peer in PEERS}}
    for run in range(runs):
        home = new_home(stores / f"ragkit-{run}")
        ours = measure([sys.executable, "-m", "benchmarks.sides.ragkit_ingest", home, folder], env=environment(home))
        side = json.loads(ours.stdout.splitlines()[-1])
        report = side["report"]
        measured["ragkit"].append(
            {"seconds": side["seconds"], "documents": report["added"], "chunks": report["chunks"], "mb": ours.peak_mb}
        )
        for peer, program in PEERS.items():
            store = stores / f"{program}-{run}"
            command = [python, SIDES / f"{program}.py", model_folders()["torch"], folder, store]
            theirs = measure(command, env={**os.environ, **OFFLINE, "PYTHONPATH": ""})
            measured[peer].append({**json.loads(theirs.stdout.splitlines()[-1]), "mb": theirs.peak_mb})
    sides = {
        name: {
            "documents_per_s": spread([one["documents"] / one["seconds"] for one in found]),
            "documents": found[0]["documents"],
            "chunks": found[0]["chunks"],
            "peak_mb": max(one["mb"] for one in found),
        }
        for name, found in measured.items()
    }
    rates = {name: side["documents_per_s"]["median"] for name, side in sides.items()}
    best = max(PEERS, key=rates.__getitem__)
    return {**sides, "best_peer": best, "ragkit_over_best_peer": round(rates["ragkit"] / rates[best], 2)}


def _corpora(given: argparse.Namespace, scratch: Path) -> dict[str, Path]:
    corpora = {}
    if given.scifact:
        lines = (given.scifact / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[: given.abstracts]
        corpora["SciFact abstracts"] = scifact([json.loads(line) for line in lines], scratch / "scifact")
    if given.html:
        corpora[given.html.name] = sample(given.html, scratch / "html", limit=given.limit, seed=given.seed)
    if not corpora:
        raise SystemExit("Name a folder with --scifact or --html.")
    return corpora


def _versions(python: Path) -> list[str]:
    listed = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    wanted = {line.partition("==")[0] for line in REQUIREMENTS.read_text().splitlines() if "==" in line} | {*SHARED}
    return [line for line in listed.splitlines() if line.partition("==")[0].lower() in wanted]


if __name__ == "__main__":
    main()
