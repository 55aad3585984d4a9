"""A worker whose jobs do what their file name says: `hold-…` waits for a file named `go`, `kill-…` kills the worker."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from ragkit.errors import ParseFailed, StorageError
from ragkit.jobs.ledger import JobLedger
from ragkit.jobs.worker import Worker, worker_locks, workflow_url
from ragkit.store.engine import Database
from ragkit.types import IngestReport


def main(home: Path) -> None:
    database_url = os.environ.get("RAGKIT_DATABASE_URL")
    database = Database.open(database_url or f"sqlite:///{home / 'ragkit.db'}")
    ledger = JobLedger(database)
    journal = home / "journal"
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def ingest(job_id: str) -> IngestReport:
        name = ledger.get(job_id).uri.removeprefix("upload://")
        with journal.open("a") as file:
            file.write(f"{name}\n")
        if name.startswith("hold"):
            while not (home / "go").exists():
                time.sleep(0.01)
        if name.startswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("broken"):
            raise ParseFailed(f"{name!r} is damaged.")
        if name.startswith("bug"):
            raise ZeroDivisionError("secret detail")
        if name.startswith("flaky") and journal.read_text().count(name) == 1:
            raise StorageError("The disk is busy.")
        return IngestReport(found=1, added=1, chunks=3)

    Worker(
        ledger=ledger,
        ingest=ingest,
        url=workflow_url(home, database_url),
        try_lock=worker_locks(home, database_url),
    ).run(stop)
    database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
