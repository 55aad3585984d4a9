"""The service under load, clients on the same machine: searches a second, the time to the first token, many streams.

python -m benchmarks.serving --data DIR [--home DIR] [--peers-venv DIR]

Searches run beside a plain service of FastAPI, LangChain and Chroma over the same passages and vectors. The model is
the double of `ragkit.testing.openai_server`; each token of its streams is the moment at which it was sent. Questions
that the service refuses before it asks the model are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from benchmarks.harness import environment, folder, model_folders, record
from benchmarks.made import COLLECTION, Recipe, make, questions
from benchmarks.peers import CACHE, OFFLINE, SIDES, ready
from benchmarks.services import events, free_port, modelled, running, serving
from ragkit.index.catalog import Catalog
from ragkit.index.generations import Collections
from ragkit.store.engine import Database
from ragkit.testing.openai_server import OpenAIServer
from ragkit.testing.scripts import since

CHUNKS, CLIENTS = 10_000, 32
STREAMS, PER_S, TOKENS, SPREAD_S = 300, 7, 140, 10.0
"""Streams that are open together; tokens a second of each, and in all; seconds in which they are begun."""


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--home", type=Path, help="keeps the collection for the next run")
    parser.add_argument("--searches", type=int, default=3000, help="of each service")
    parser.add_argument("--questions", type=int, default=200, help="one after the other, for the first token")
    parser.add_argument("--peers-venv", type=Path, default=CACHE, help="made on the first run (2 GB)")
    given = parser.parse_args()
    asked = questions(given.data, given.searches + given.questions, seed=7)
    with tempfile.TemporaryDirectory() as scratch:
        home: Path = given.home or Path(scratch) / "home"
        make(home, given.data, Recipe(chunks=CHUNKS))
        searches = _searches(home, Path(scratch), ready(given.peers_venv), asked[: given.searches])
        first, answered = _first_token(home, asked[given.searches :])
        streams = _streams(home, [answered[number % len(answered)] for number in range(STREAMS)])
        results = {"searches": searches, "first token": first, "streams": streams}
    parameters = {"data": folder(given.data), "chunks": CHUNKS, "clients": CLIENTS, "unit": "milliseconds"}
    record("serving", parameters=parameters, results=results)


def _searches(home: Path, scratch: Path, python: Path, asked: Sequence[str]) -> dict[str, Any]:
    """Both services in turn, twice, so that neither has the better moment."""
    texts, vectors = scratch / "texts.json", scratch / "vectors.npy"
    with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
        generation = Collections(database).get(COLLECTION)
        parts = list(Catalog(database).live_vectors(generation))
        ids = [key for keys, _ in parts for key in keys]
        shown = Catalog(database).hits(generation, ids)
    texts.write_text(json.dumps([shown[key].text for key in ids]), "utf-8")
    np.save(vectors, np.concatenate([rows for _, rows in parts]).astype(np.float32))
    plain = [python, SIDES / "plain_service.py", model_folders()["torch"], texts, vectors]
    found: dict[str, list[dict[str, float]]] = {"ragkit": [], "plain": []}
    for half in (asked[::2], asked[1::2]):
        with serving(home) as service:
            found["ragkit"].append(asyncio.run(_sustained(service.url, half, {"collection": COLLECTION})))
        port = free_port()
        command = [*plain, tempfile.mkdtemp(dir=scratch), port]
        url, env = f"http://127.0.0.1:{port}", environment(scratch) | OFFLINE
        with running(command, url, env, ready_at="/docs") as service:
            found["plain"].append(asyncio.run(_sustained(service.url, half, {})))
    rates = {name: statistics.fmean(one["a second"] for one in runs) for name, runs in found.items()}
    return found | {"ragkit over plain": round(rates["ragkit"] / rates["plain"], 2)}


async def _sustained(url: str, asked: Sequence[str], body: Mapping[str, Any]) -> dict[str, float]:
    """All questions, by so many clients that ask one after the other."""
    waiting, took_ms = iter(asked), []
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:

        async def client(only: int | None = None) -> None:
            for number, question in enumerate(waiting):
                started = time.perf_counter()
                reply = await http.post("/v1/search", json={"query": question, "k": 10, **body})
                reply.raise_for_status()
                took_ms.append(1e3 * (time.perf_counter() - started))
                if only == number + 1:
                    break

        await asyncio.gather(*(client(only=3) for _ in range(CLIENTS)))
        took_ms.clear()
        started = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        seconds = time.perf_counter() - started
    return {"a second": round(len(took_ms) / seconds, 1), **_spread(took_ms)}


def _first_token(home: Path, asked: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """What the service adds to the model's own time to the first token, for one reader; and what was answered."""
    with OpenAIServer(keep=False) as model, serving(home, modelled(model.url, "double-n30-clock")) as service:

        async def run() -> dict[str, float]:
            async with httpx2.AsyncClient(base_url=service.url, timeout=60) as http:
                took = [(question, await _first(http, question)) for question in asked]
            return {question: ms for question, ms in took if ms is not None}

        took_ms = asyncio.run(run())
    warm = list(took_ms.values())[len(took_ms) // 10 :]
    return {"questions": len(warm), **_spread(warm)}, list(took_ms)


async def _first(http: httpx2.AsyncClient, question: str) -> float | None:
    """Milliseconds from asking to the first token of a model that writes at once; none of a refusal."""
    started, took = time.perf_counter(), None
    async for event, data in events(http, _asking(question)):
        if event == "token" and took is None:
            took = 1e3 * (time.perf_counter() - started)
        elif event == "done" and data["abstained"]:
            return None
    return took


def _streams(home: Path, asked: Sequence[str]) -> dict[str, Any]:
    model = f"double-tps{PER_S}-n{TOKENS}-clock"
    with OpenAIServer(keep=False) as double, serving(home, modelled(double.url, model)) as service:
        asyncio.run(_all_streams(service.url, asked[:20]))
        before = service.cpu_s
        streams = asyncio.run(_all_streams(service.url, asked))
        cpu_s = service.cpu_s - before
        sent = [len(asked), SPREAD_S]
        command = [sys.executable, "-m", "benchmarks.sides.plain_stream", double.url, model, *map(str, sent)]
        plain = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    tokens = sum(len(delays) for delays, _ in streams)
    return {
        "streams": len(streams),
        "errors": sum(not whole for _, whole in streams),
        "tokens": tokens,
        "delay of a token": _spread([delay for delays, _ in streams for delay in delays]),
        "CPU ms a token": round(1e3 * cpu_s / tokens, 3),
        "CPU ms a token, LangChain alone": round(1e3 * plain["cpu_s"] / plain["tokens"], 3),
    }


async def _all_streams(url: str, asked: Sequence[str]) -> list[tuple[list[float], bool]]:
    limits = httpx2.Limits(max_connections=len(asked))
    async with httpx2.AsyncClient(base_url=url, timeout=120, limits=limits) as http:

        async def read(number: int) -> tuple[list[float], bool]:
            await asyncio.sleep(SPREAD_S * number / len(asked))
            delays, text, answer = [], "", ""
            async for event, data in events(http, _asking(asked[number])):
                if event == "token":
                    now = time.time()
                    text += data["text"]
                    delays += [since(word.rstrip("."), now) for word in data["text"].split()]
                elif event == "done":
                    answer = data["answer"]
            return delays, len(delays) == TOKENS and answer.strip() == text.strip()

        return await asyncio.gather(*(read(number) for number in range(len(asked))))


def _asking(question: str) -> dict[str, str]:
    return {"question": question, "collection": COLLECTION}


def _spread(took_ms: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took_ms, n=20)
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}


if __name__ == "__main__":
    main()
