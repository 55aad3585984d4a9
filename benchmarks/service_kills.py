"""Kills the service under load (kill -9), starts it again, and looks for what was lost or is half there.

python -m benchmarks.service_kills --data DIR [--home DIR] [--count 20]

While it is killed, clients ask and stream answers, and others upload files. An upload counts from when its 202 was
read: after the restart its job must end as done, and its text be found. An answer counts from when its `done` event was
read: its record must be there with the same text; and no record may hold less than the model wrote.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.harness import BIN, environment, folder, record, spread
from benchmarks.made import COLLECTION, Recipe, make, questions
from benchmarks.services import Service, events, modelled, serving
from ragkit import Ragkit
from ragkit.client import Client
from ragkit.errors import NotFound
from ragkit.settings import load
from ragkit.testing.openai_server import OpenAIServer

CHUNKS = 10_000
ASKING, UPLOADING = 8, 2
WORDS = 40
WRITING = f"double-tps200-n{WORDS}-clock"
ENDED_S = 120.0


@dataclass(slots=True)
class _Told:
    """What clients were told before the service was killed."""

    jobs: dict[str, str] = field(default_factory=dict)
    """A sentence of each upload, by its job."""
    answers: dict[str, str] = field(default_factory=dict)
    """The text of each whole answer, by its trace."""


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with the test collections")
    parser.add_argument("--home", type=Path, help="keeps the collection for the next run")
    parser.add_argument("--count", type=int, default=20, help="of kills")
    given = parser.parse_args()
    asked = questions(given.data, 500, seed=13)
    with tempfile.TemporaryDirectory() as name, OpenAIServer(keep=False) as model:
        made: Path = given.home or Path(name) / "made"
        make(made, given.data, Recipe(chunks=CHUNKS))
        home = Path(shutil.copytree(made, Path(name) / "home", symlinks=True))
        settings = modelled(model.url, WRITING)
        with Ragkit.open(load(home=home)) as kit:
            seen = {one.id for one in kit.answers.list(limit=500)}
        rounds = [_round(home, settings, asked, number, seen) for number in range(given.count)]
        verify = [str(BIN / "ragkit"), "verify", "--json"]
        consistent = subprocess.run(verify, env=environment(home), capture_output=True, check=False).returncode == 0
    results = {
        "kills": len(rounds),
        "seconds until ready again": spread([one["ready_s"] for one in rounds]),
        **{name: sum(one[name] for one in rounds) for name in ("uploads accepted", "uploads lost")},
        **{name: sum(one[name] for one in rounds) for name in ("answers told", "answers lost", "answers halved")},
        "stores consistent afterwards": consistent,
    }
    record("service_kills", parameters={"data": folder(given.data), "chunks": CHUNKS}, results=results)


def _round(home: Path, settings: dict[str, str], asked: Sequence[str], number: int, seen: set[str]) -> dict[str, Any]:
    dice, told = random.Random(number), _Told()
    with serving(home, settings) as service:
        asyncio.run(_until_killed(service, told, asked, dice.uniform(2.0, 8.0), number))
    with serving(home, settings) as service, Client(service.url, timeout=60) as client:
        lost = [job for job, said in told.jobs.items() if not _is_ingested(client, job, said)]
        new = {one.id for one in client.answers.list(limit=500)} - seen
        kept = {key: client.answers.show(key).answer for key in new}
    seen |= new
    return {
        "ready_s": service.ready_s,
        "uploads accepted": len(told.jobs),
        "uploads lost": len(lost),
        "answers told": len(told.answers),
        "answers lost": sum(key not in kept or kept[key].answer != text for key, text in told.answers.items()),
        "answers halved": sum(not one.abstained and len(one.answer.split()) < WORDS for one in kept.values()),
    }


async def _until_killed(service: Service, told: _Told, asked: Sequence[str], seconds: float, number: int) -> None:
    """Ask and upload until the service is gone."""
    limits = httpx2.Limits(max_connections=ASKING + UPLOADING)
    async with httpx2.AsyncClient(base_url=service.url, timeout=60, limits=limits) as http:
        asking = [_ask(http, told, asked[at::ASKING]) for at in range(ASKING)]
        uploading = [_upload(http, told, f"{number}-{at}") for at in range(UPLOADING)]
        working = [asyncio.create_task(one) for one in (*asking, *uploading)]
        await asyncio.sleep(seconds)
        await asyncio.to_thread(service.kill)
        await asyncio.gather(*working)


async def _ask(http: httpx2.AsyncClient, told: _Told, asked: Sequence[str]) -> None:
    with suppress(httpx2.HTTPError):
        for question in asked:
            async for name, data in events(http, {"question": question, "collection": COLLECTION}):
                if name == "done":
                    told.answers[data["trace_id"]] = data["answer"]


async def _upload(http: httpx2.AsyncClient, told: _Told, series: str) -> None:
    with suppress(httpx2.HTTPError):
        for number in range(1_000):
            said = f"The seal of crate {series}-{number} is kept by the harbour master."
            files = {"file": (f"crate-{series}-{number}.txt", said.encode())}
            reply = await http.post("/v1/documents", files=files, data={"collection": "crates"})
            reply.raise_for_status()
            told.jobs[reply.json()["id"]] = said
            await asyncio.sleep(0.05)


def _is_ingested(client: Client, job_id: str, said: str) -> bool:
    until = time.monotonic() + ENDED_S
    try:
        while (job := client.jobs.get(job_id)).state in {"queued", "running"}:
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
    except NotFound:
        return False
    found = client.search(said, collection="crates", k=3).hits if job.state == "done" else ()
    return any(said in hit.text for hit in found)


if __name__ == "__main__":
    main()
