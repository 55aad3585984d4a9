"""The only file that knows DBOS: durable workflows, one an attempt of a job, in a database of their own.

A workflow carries its own id, which begins with that of its job, and nothing else. DBOS is one object a process, so a
process opens one at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Literal

from dbos import DBOS, DBOSConfig

from ragkit.errors import Conflict, StorageError, UpstreamError

__all__ = ["Progress", "Workflows"]

QUEUE = "ingest"
WORKFLOW = "ingest"
# Workflows of another version are not recovered, so this changes only when a workflow's steps do.
APPLICATION_VERSION = "1"
POLLING_S = 0.1
ATTEMPTS = 3
# A file that kills its worker this often is given up.
DEATHS = 3

UNDER_WAY = frozenset({"PENDING", "ENQUEUED", "DELAYED"})

Progress = Literal["unknown", "active", "ended"]


class Workflows:
    """Runs `run(id)` durably: once started, it is run again after a crash until it returns or is given up.

    Args:
        url: The database of the workflow engine, as SQLAlchemy spells it.
        executor_id: Who runs them: unique among live workers, and taken up again by a successor.
        run: Called with the workflow's id. Must be idempotent. A passing error (storage, upstream, conflict) is tried
            three times.
        failed: Told of the exception that `run` ended with.
        concurrency: Jobs that this worker runs at once; two of one order key never overlap, on any worker.
    """

    def __init__(
        self,
        *,
        url: str,
        executor_id: str,
        run: Callable[[str], None],
        failed: Callable[[str, BaseException], None],
        concurrency: int,
    ) -> None:
        config: DBOSConfig = {
            "name": "ragkit",
            "system_database_url": url,
            "dbos_system_schema": "ragkit_jobs",
            "application_version": APPLICATION_VERSION,
            "executor_id": executor_id,
            "log_level": "ERROR",
        }
        DBOS(config=config)

        @DBOS.step(name="run", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=_passing)
        def step(workflow_id: str) -> None:
            run(workflow_id)

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=DEATHS)
        def workflow(workflow_id: str) -> None:
            try:
                step(workflow_id)
            except Exception as error:
                failed(workflow_id, _cause(error))

        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=concurrency,
            partition_concurrency=1,
            polling_interval_sec=POLLING_S,
            on_conflict="always_update",
        )

    def enqueue(self, workflow_id: str, *, order_key: str) -> None:
        """Queue it; one that was queued before is left as it is."""
        DBOS.enqueue_workflow_with_options(
            {
                "queue_name": QUEUE,
                "workflow_name": WORKFLOW,
                "workflow_id": workflow_id,
                "app_version": APPLICATION_VERSION,
                "queue_partition_key": hashlib.blake2b(order_key.encode(), digest_size=16).hexdigest(),
            },
            workflow_id,
        )

    def progress(self, workflow_ids: Sequence[str]) -> dict[str, Progress]:
        """How far these workflows are."""
        if not workflow_ids:
            return {}  # DBOS takes an empty list for all
        found = DBOS.list_workflows(workflow_ids=list(workflow_ids), load_input=False, load_output=False)
        known: dict[str, Progress] = {w.workflow_id: "active" if w.status in UNDER_WAY else "ended" for w in found}
        return {workflow_id: known.get(workflow_id, "unknown") for workflow_id in workflow_ids}

    def executors(self) -> set[str]:
        """Who has workflows under way, dead or alive."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return {workflow.executor_id for workflow in pending if workflow.executor_id}

    def recover(self, executor_ids: Collection[str]) -> None:
        """Queue again what these executors, which must be dead, had under way."""
        DBOS._recover_pending_workflows(list(executor_ids))

    def close(self, *, grace_s: int) -> None:
        """Take no more work and wait for what runs; what is still running then is recovered by the next worker."""
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=grace_s)


def _passing(error: BaseException) -> bool:
    return isinstance(error, StorageError | UpstreamError | Conflict)


def _cause(error: Exception) -> BaseException:
    # After the last attempt DBOS raises an error of its own that lists those of the attempts.
    attempts: list[BaseException] = getattr(error, "errors", [])
    return attempts[-1] if attempts else error
