"""When pipelines are due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from cronsim import CronSim, CronSimError

__all__ = ["Scheduled", "checked_cron", "due"]


class Scheduled(Protocol):
    """What has a name, and a cron expression for when to run it."""

    @property
    def name(self) -> str: ...

    @property
    def schedule(self) -> str | None: ...


def checked_cron(expression: str) -> str:
    """The expression, when it has five fields that cron understands and a time to come.

    Raises:
        ValueError: It has not.
    """
    if len(expression.split()) != 5:
        raise ValueError("must have five fields: minute, hour, day of month, month, day of week")
    try:
        next(CronSim(expression, datetime(2026, 1, 1)))
    except CronSimError as error:
        raise ValueError(f"is not a cron expression: {str(error).lower()}") from error
    except StopIteration as error:
        raise ValueError("names a day that never comes") from error
    return expression


def due(pipelines: Iterable[Scheduled], since: datetime, now: datetime) -> list[str]:
    """The pipelines that have a scheduled time after `since` and not after `now`, each once however many there are.

    Args:
        pipelines: Those without a schedule are never due.
        since: When it was asked last, as the clock on the wall shows, without a time zone.
        now: The same clock. Where it was set back, nothing is due until it has caught up.
    """
    if now <= since:
        return []
    return [
        pipeline.name
        for pipeline in pipelines
        if pipeline.schedule and next(CronSim(pipeline.schedule, since), datetime.max) <= now
    ]
