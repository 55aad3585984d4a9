"""A worker whose jobs do what their file name says: `hold-…` waits for a file named `go`, `kill-…` kills it."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from ragkit.errors import ParseFailed, StorageError
from ragkit.jobs.ledger import JobLedger, Work
from ragkit.jobs.progress import OnProgress
from ragkit.jobs.worker import Worker, worker_locks, workflow_url
from ragkit.store.engine import Database
from ragkit.types import Failure, IngestReport, JobProgress


def pipeline(home: Path, work: Work, on_progress: OnProgress) -> IngestReport:
    """Ten documents, of which number 3 fails as long as there is no file `mended`; each needs a file named after it."""
    done = home / "live"
    done.mkdir(exist_ok=True)
    uris = [f"docs/{n}" for n in range(10) if not work.only or f"docs/{n}" in work.only]
    unchanged, failed = 0, []
    for count, uri in enumerate(uris, start=1):
        live = done / uri.rsplit("/", 1)[-1]
        if live.exists():
            unchanged += 1
        elif live.name == "3" and not (home / "mended").exists():
            failed.append(Failure(uri=uri, code="parse_failed", detail="It is damaged."))
        else:
            while not (home / "go").exists() and not (home / f"go-{live.name}").exists():
                time.sleep(0.01)
            with (home / "journal").open("a") as file:
                file.write(f"{uri}\n")
            live.touch()
        on_progress(JobProgress(found=len(uris), done=count, chunks=count, failed=len(failed), uri=uri))
    added = len(uris) - unchanged - len(failed)
    return IngestReport(found=len(uris), added=added, unchanged=unchanged, failed=tuple(failed))


def main(home: Path) -> None:
    database_url = os.environ.get("RAGKIT_DATABASE_URL")
    database = Database.open(database_url or f"sqlite:///{home / 'ragkit.db'}")
    ledger = JobLedger(database)
    journal = home / "journal"
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def ingest(work: Work, on_progress: OnProgress) -> IngestReport:
        if ledger.get(work.job_id).kind == "pipeline":
            return pipeline(home, work, on_progress)
        name = ledger.get(work.job_id).uri.removeprefix("upload://")
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
