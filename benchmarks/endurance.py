"""The service for a long time: its memory after many requests, and what is left over of a model and clients that fail.

python -m benchmarks.endurance --data DIR [--home DIR] [--requests 100000] [--minutes 10]

The model is the double of `ragkit.testing.openai_server`. In the second part a fifth of its requests fail, some replies
break off, and half of the clients leave in the middle of an answer, at random. Afterwards nothing may be under way,
reserved or open, and the key of those clients that stay must have used what their answers say, to the token.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.harness import folder, record
from benchmarks.made import COLLECTION, Recipe, make, questions
from benchmarks.services import Service, events, modelled, serving
from ragkit import Ragkit
from ragkit.client import Client
from ragkit.rights import Limit
from ragkit.settings import load
from ragkit.testing.openai_server import OpenAIServer

CHUNKS, ASKED = 10_000, 3_000
"""More questions than the service remembers the vectors of."""
STEPS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
CLIENTS = 8
STAYING, LEAVING = 10, 10
FAILING = "double-tps100-n40-clock-fail20-drop5"
WARM_S, SETTLED_S = 5.0, 60.0


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--home", type=Path, help="keeps the collection for the next run")
    parser.add_argument("--requests", type=int, default=100_000, help="after which memory is looked at")
    parser.add_argument("--minutes", type=float, default=10, help="of failing models and leaving clients")
    given = parser.parse_args()
    asked = questions(given.data, ASKED, seed=11)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        made: Path = given.home or scratch / "made"
        make(made, given.data, Recipe(chunks=CHUNKS))
        results = {"memory": _memory(_copy(made, scratch / "long"), asked, given.requests)}
        results["faults"] = _faults(_copy(made, scratch / "faults"), asked, 60 * given.minutes)
    parameters = {"data": folder(given.data), "chunks": CHUNKS, "requests": given.requests, "minutes": given.minutes}
    record("endurance", parameters=parameters, results=results)


def _copy(home: Path, to: Path) -> Path:
    return Path(shutil.copytree(home, to, symlinks=True))


def _memory(home: Path, asked: Sequence[str], requests: int) -> dict[str, Any]:
    """Megabytes of the service and all of its processes, after so many requests."""
    sizes: dict[str, float] = {}
    bodies = enumerate(itertools.cycle(asked))
    with OpenAIServer(keep=False) as model, serving(home, modelled(model.url, "double-n5")) as service:
        began, done = time.monotonic(), 0
        for upto in [*(step for step in STEPS if step < requests), requests]:
            asyncio.run(_requests(service, itertools.islice(bodies, upto - done)))
            done = upto
            sizes[str(upto)] = service.memory_mb
        seconds = time.monotonic() - began
    after = list(sizes.values())
    return {"mb after": sizes, "last over first": round(after[-1] / after[0], 3), "seconds": round(seconds)}


async def _requests(service: Service, bodies: Iterator[tuple[int, str]]) -> None:
    """Mostly searches; an answer and a list among each twenty."""
    async with httpx2.AsyncClient(base_url=service.url, timeout=60) as http:

        async def client() -> None:
            for number, question in bodies:
                if number % 20 == 0:
                    reply = await http.post("/v1/ask", json={"question": question, "collection": COLLECTION})
                elif number % 20 == 10:
                    reply = await http.get("/v1/documents", params={"limit": 20, "collection": COLLECTION})
                else:
                    reply = await http.post("/v1/search", json={"query": question, "collection": COLLECTION})
                reply.raise_for_status()

        await asyncio.gather(*(client() for _ in range(CLIENTS)))


def _faults(home: Path, asked: Sequence[str], seconds: float) -> dict[str, Any]:
    limits = [Limit(measure="tokens", most=1e9, per="day")]
    with Ragkit.open(load(home=home)) as kit:
        admin = kit.keys.create("admin", role="admin")
        keys = {name: kit.keys.create(name, role="reader", limits=limits) for name in ("stays", "leaves")}
    secrets = {name: key.secret for name, key in keys.items()}
    with OpenAIServer(keep=False) as model, serving(home, modelled(model.url, FAILING)) as service:
        first = asyncio.run(_crowd(service, secrets, asked, WARM_S))
        before = _open(service)
        said = asyncio.run(_crowd(service, secrets, asked, seconds))
        with Client(service.url, api_key=admin.secret) as client:
            seconds_left = _until_settled(service, admin.secret)
            usage = {name: client.keys.usage(key.key.id) for name, key in keys.items()}
        after = _open(service)
        streaming = model.streaming
    today = {name: next(window.tokens for window in one.windows if window.per == "day") for name, one in usage.items()}
    return {
        "answers": said["answers"],
        "seconds until nothing was under way": seconds_left,
        "streams that the model still writes": streaming,
        "reservations left": {name: one.reserved for name, one in usage.items()},
        "open before": before,
        "open after": after,
        "tokens by the answers of those who stay": first["tokens"] + said["tokens"],
        "tokens counted for them": today["stays"],
        "tokens counted for those who leave": today["leaves"],
    }


async def _crowd(service: Service, secrets: dict[str, str], asked: Sequence[str], seconds: float) -> dict[str, Any]:
    """Ask for so long; how many answers ended how, and what those of who stay used by what they say."""
    until, ended, used = time.monotonic() + seconds, Counter[str](), Counter[str]()

    async def client(number: int, key: str, leaves: bool) -> None:
        dice = random.Random(number)
        headers = {"X-API-Key": secrets[key]}
        async with httpx2.AsyncClient(base_url=service.url, timeout=60, headers=headers) as http:
            while time.monotonic() < until:
                at_most = dice.randrange(40) if leaves and dice.random() < 0.7 else None
                how, tokens = await _answer(http, dice.choice(asked), at_most)
                ended[f"{key}: {how}"] += 1
                used[key] += tokens

    crowd = [(number, "stays", False) for number in range(STAYING)]
    crowd += [(STAYING + number, "leaves", True) for number in range(LEAVING)]
    await asyncio.gather(*(client(*one) for one in crowd))
    return {"answers": dict(sorted(ended.items())), "tokens": used["stays"]}


async def _answer(http: httpx2.AsyncClient, question: str, at_most: int | None) -> tuple[str, int]:
    """How it ended, and the tokens that it used as far as it says; after so many events the client is gone."""
    count = 0
    async with aclosing(events(http, {"question": question, "collection": COLLECTION})) as stream:
        async for name, data in stream:
            count += 1
            if count == at_most:
                return "left", 0
            if name == "error":
                return f"error {data['code']}", _tokens(data["usage"])
            if name == "done":
                how = data["reason"] or ("fallback" if data.get("fallback") else "answered")
                return how, _tokens(data["usage"])
    return "broken off", 0


def _tokens(usage: dict[str, int] | None) -> int:
    return usage["input_tokens"] + usage["output_tokens"] if usage else 0


def _until_settled(service: Service, secret: str) -> float:
    """Seconds until no answer is under way."""
    began = time.monotonic()
    while time.monotonic() < began + SETTLED_S:
        text = httpx2.get(f"{service.url}/metrics", headers={"X-API-Key": secret}, timeout=30).text
        if "ragkit_answers_under_way 0.0" in text:
            return round(time.monotonic() - began, 1)
        time.sleep(0.1)
    raise SystemExit(f"Answers are still under way after {SETTLED_S:g} s.")


def _open(service: Service) -> dict[str, float]:
    """Files, connections and threads of the service's own process, and its memory."""
    process = service.process
    return {
        "files": process.num_fds(),
        "connections": len(process.net_connections()),
        "threads": process.num_threads(),
        "mb": service.memory_mb,
    }


if __name__ == "__main__":
    main()
