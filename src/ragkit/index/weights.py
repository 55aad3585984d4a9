"""What the documents of a pipeline count in a search, as its file says it."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select, update

from ragkit.store.tables import collections

if TYPE_CHECKING:
    from ragkit.index.duplicates import Edition

__all__ = ["SourceWeight", "set_weight"]

_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWeight:
    """What the score of a passage is multiplied by."""

    weight: float = 1.0
    half_life_days: float | None = None
    """Days after which a document counts half as much, after as many again a quarter; none where age does not count."""

    def factor(self, edition: Edition | None, *, at: datetime) -> float:
        """For a document of some age, the weight itself where nothing tells how old it is."""
        if self.half_life_days is None or edition is None:
            return self.weight
        return float(self.weight * 0.5 ** (_age_days(edition, at) / self.half_life_days))


def set_weight(connection: Connection, collection_id: int, prefix: str, weight: SourceWeight) -> None:
    """Weigh the documents whose uris begin with `PIPELINE/`, from the next search on."""
    mine = collections.c.id == collection_id
    there: dict[str, Any] = connection.scalar(select(collections.c.weights).where(mine).with_for_update()) or {}
    said = {} if weight == SourceWeight() else {prefix: asdict(weight)}
    changed = {key: value for key, value in there.items() if key != prefix} | said
    if changed != there:
        connection.execute(update(collections).where(mine).values(weights=changed))


def _age_days(edition: Edition, at: datetime) -> float:
    """Since the date that a document gives itself, of a year or month its first day; else since it was ingested."""
    with contextlib.suppress(ValueError):
        return max((at.date() - date.fromisoformat((edition.date + "-01-01")[:10])).days, 0)
    return max((at - edition.live_at).total_seconds() / _DAY_S, 0.0)
